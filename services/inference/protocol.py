"""The interface between the service and its engines. The service validates requests and builds responses; an `Engine`
does the inference.

Guarantees of an engine beyond the signatures:

- **Rendering.** A chat request holds messages. The engine turns them into token ids with the chat template of *the
  requested model* (never its base model's), by `shared.engine.text.template.ChatTemplate` in a child process, and stops
  at that template's stop token ids, which are passed explicitly. The engine child process answers
  `{"op": "render", "request_id", "model"}` and a `Generation.prompt` with `rendered {prompts, stop_ids}` without
  loading weights (prompt_renderer.py). Every engine gets the token ids from there.
- **Explicit sampling.** Every sampling parameter is in the `GenerationRequest`; none comes from a base model's
  generation_config.
- **Template check.** A tokenizer whose `ChatTemplate.hash` differs from the spec's `template_hash` is rejected with
  the code `template_mismatch` (rendering checks it).
- **Cancellation.** Closing the iterator of `generate` stops the work.
- **Coded errors.** EngineBusy before a queue overflows; EngineLost when the process dies during a request that has
  started (one that has not started is retried); otherwise `errors.error_from_engine` maps the engine's codes.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

FinishReason = Literal["stop", "length", "tool_calls"]
"""Why a choice ended. The service sets `tool_calls`: engines produce text, and the service parses calls out of it."""
EngineState = Literal["idle", "starting", "ready"]


@dataclass(frozen=True)
class ModelSpec:
    """A model to load: `ref` is the argument of shared.engine.loading.load, with local paths."""

    id: str
    uri: str
    ref: Mapping[str, Any]
    template_hash: str
    parameters: int


@dataclass(frozen=True)
class SamplingParams:
    """Sampling parameters, all explicit. Temperature 0 means greedy decoding, `top_k` 0 means no limit."""

    temperature: float
    top_p: float
    top_k: int
    repetition_penalty: float
    seed: int | None


@dataclass(frozen=True)
class GenerationRequest:
    """A request for `n` choices for one conversation, or for each of `prompts` (texts or token ids, no template)."""

    project: str
    """The caller's, in whose own process the prompt is rendered."""
    model: ModelSpec
    sampling: SamplingParams
    messages: Sequence[Mapping[str, Any]] | None = None
    prompts: Sequence[str | Sequence[int]] | None = None
    tools: Sequence[Mapping[str, Any]] | None = None
    """Rendered by the chat template, which must write calls in Hermes format if no `response_format` forces one."""
    chat_template_kwargs: Mapping[str, Any] | None = None
    """Variables of the chat template, such as `enable_thinking`."""
    n: int = 1
    max_tokens: int | None = None
    """Maximum new tokens; None: the rest of the context window."""
    stop: Sequence[str] = ()
    response_format: Mapping[str, Any] | None = None
    """As in OpenAI's API: the JSON that the output must match. Not every engine supports it."""
    logprobs: int | None = None
    """None: no log-probabilities. Otherwise those of each token and of this many most likely alternatives."""
    echo: bool = False
    """Whether each output begins with its prompt: text and, with `logprobs`, tokens. Then a stop token is among them.

    Without new tokens (`max_tokens` 0), the output is the prompt."""
    stream: bool = True
    """Whether text is sent on as it comes. Otherwise an engine may join deltas, and still sends one now and then."""
    traceparent: str | None = None
    """The parent span. If it is recorded, the engine's phases become child spans."""

    @property
    def prompt(self) -> dict[str, Any]:
        """The input of rendering: `prompts`, or `messages` with the variables of the template and `tools`.

        `call_format` is the format in which the template must write calls.
        """
        fields = {
            "messages": self.messages,
            "prompts": self.prompts,
            "tools": self.tools,
            "chat_template_kwargs": self.chat_template_kwargs,
            "call_format": None if self.response_format or not self.tools else "hermes",
        }
        return {name: value for name, value in fields.items() if value is not None}

    @property
    def prompt_field(self) -> str:
        """The caller's field with the prompt."""
        return "messages" if self.prompts is None else "prompt"

    @property
    def choices(self) -> int:
        """Total number of choices; those of the first prompt come first."""
        return self.n * (1 if self.prompts is None else len(self.prompts))


@dataclass(frozen=True)
class RenderedPrompts:
    """Prompts as token ids, and the stop token ids."""

    prompts: list[list[int]]
    stop_ids: list[int]


@dataclass(frozen=True)
class Started:
    """Always the first message: the prompts have been processed."""

    prompt_tokens: int


@dataclass(frozen=True)
class TokenLogprob:
    """A token, its bytes (None: part of a character), its log-probability before temperature, and alternatives.

    The first token of an echoed prompt has no log-probability.
    """

    token: str
    bytes: list[int] | None
    logprob: float | None
    top: list["TokenLogprob"] = field(default_factory=list)


@dataclass(frozen=True)
class ToolCallDelta:
    """A tool call; without id and name, more of its `arguments` (JSON). `index` numbers the choice's calls."""

    index: int
    arguments: str
    id: str | None = None
    name: str | None = None


@dataclass(frozen=True)
class TextDelta:
    """More text of one choice. The last delta has a `finish_reason` and the choice's total `tokens` with stop token."""

    choice: int
    text: str
    finish_reason: FinishReason | None = None
    tokens: int = 0
    logprobs: list[TokenLogprob] = field(default_factory=list)
    tool_calls: list[ToolCallDelta] = field(default_factory=list)
    """Parsed from the text by the service; engines leave it empty."""
    joined: int = 1
    """How many deltas this one joins: the output has at least as many tokens more."""


@dataclass(frozen=True)
class EngineStatus:
    """The state of an engine: `memory` in bytes, and the size in bytes of each loaded model by uri."""

    state: EngineState
    memory: int = 0
    models: Mapping[str, int] = field(default_factory=dict)


class Engine(Protocol):
    """Loads models and generates text. Several engines can serve behind one that selects among them."""

    def generate(self, generation: GenerationRequest) -> AsyncIterator[Started | TextDelta]:
        """Yield `Started`, then text deltas until each choice has finished."""

    async def load(self, model: ModelSpec, *, pinned: bool = False) -> None:
        """Load a model and decode one token. A pinned model is not evicted before it is unloaded, even on restart."""

    async def unload(self, uri: str) -> None:
        """Unload a model if it is loaded."""

    def status(self) -> EngineStatus:
        """Return the last reported state, without I/O."""

    async def close(self) -> None:
        """Stop the engine."""
