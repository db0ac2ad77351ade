"""The seam between the room and what computes: the room checks requests and shapes answers, an `Engine` does the rest.

What an engine promises beyond the signatures:

- **It renders.** A chat comes as messages; the engine turns them into token ids with the template of *the requested
  model* (never its base's), by `shared.engine.text.template.ChatTemplate` in a child process, and ends answers at that
  template's stop ids, given explicitly. The engine child answers `{"op": "render", "request_id", "model"}` and a
  `Generation.prompt` with `rendered {prompts, stop_ids}` without loading weights: `TransformersEngine.render`. An
  engine that is itself a server takes those ids from there.
- **It samples as asked.** Every sampling value is in the `Generation`; none comes from a base's generation_config.
- **It holds the template lock.** A tokenizer whose `ChatTemplate.hash` is not the spec's `template_hash` is refused
  with the code `template_mismatch` (rendering checks it).
- **Leaving cancels.** Closing the iterator of `generate` ends the work for it.
- **It fails in coded errors**: EngineBusy before a queue overflows, EngineLost when the process dies under a request
  that has begun (one that has not begun is sent again), and `errors.refusal` for what the engine refuses.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

Finish = Literal["stop", "length", "tool_calls"]
"""Why an answer ended. The third is the room's: engines write text, and calls are read out of it."""
EngineState = Literal["idle", "starting", "ready"]


@dataclass(frozen=True)
class ModelSpec:
    """A model as an engine loads it: `ref` is shared.engine.loading.load's, its paths are local."""

    id: str
    uri: str
    ref: Mapping[str, Any]
    template_hash: str
    parameters: int


@dataclass(frozen=True)
class Sampling:
    """How to choose tokens; the values are always explicit. Temperature 0 is greedy, `top_k` 0 leaves all tokens in."""

    temperature: float
    top_p: float
    top_k: int
    repetition_penalty: float
    seed: int | None


@dataclass(frozen=True)
class Generation:
    """What to write: `n` answers to one conversation, or to each of `prompts` (texts or token ids, no template)."""

    model: ModelSpec
    sampling: Sampling
    messages: Sequence[Mapping[str, Any]] | None = None
    prompts: Sequence[str | Sequence[int]] | None = None
    tools: Sequence[Mapping[str, Any]] | None = None
    """Shown by the template, which must write calls in Hermes' format unless `response_format` forces one."""
    n: int = 1
    max_tokens: int | None = None
    """Most new tokens; None: what the context has left."""
    stop: Sequence[str] = ()
    response_format: Mapping[str, Any] | None = None
    """OpenAI's: the JSON that the answer must be. Not every engine can."""
    logprobs: int | None = None
    """None: none; else each token's log-probability and those of so many likeliest tokens."""
    traceparent: str | None = None
    """The span that it belongs to; where that is recorded, the engine's phases become spans below it."""

    @property
    def prompt(self) -> dict[str, Any]:
        """What is rendered: `messages` or `prompts`, and for the former `tools` and the `call_format` to insist on."""
        call_format = None if self.response_format or not self.tools else "hermes"
        given = {"messages": self.messages, "prompts": self.prompts, "tools": self.tools, "call_format": call_format}
        return {name: value for name, value in given.items() if value is not None}

    @property
    def choices(self) -> int:
        """Answers in all; those to the first prompt come first."""
        return self.n * (1 if self.prompts is None else len(self.prompts))


@dataclass(frozen=True)
class Rendered:
    """Prompts as token ids, and the ids at which an answer ends."""

    prompts: list[list[int]]
    stop_ids: list[int]


@dataclass(frozen=True)
class Begun:
    """The prompts were read: always the first message."""

    prompt_tokens: int


@dataclass(frozen=True)
class TokenLogprob:
    """A token, its bytes (None: part of a character), its log-probability before temperature, the likeliest tokens."""

    token: str
    bytes: list[int] | None
    logprob: float
    top: list["TokenLogprob"] = field(default_factory=list)


@dataclass(frozen=True)
class CallPiece:
    """A tool call, or without id and name more of its `arguments` (JSON); `index` counts the answer's calls."""

    index: int
    arguments: str
    id: str | None = None
    name: str | None = None


@dataclass(frozen=True)
class Text:
    """More text of one choice. With `finish` it is the last, and `tokens` counts the choice's, its stop token too."""

    choice: int
    text: str
    finish: Finish | None = None
    tokens: int = 0
    logprobs: list[TokenLogprob] = field(default_factory=list)
    calls: list[CallPiece] = field(default_factory=list)
    """Read out of the text by the room; engines leave it empty."""


@dataclass(frozen=True)
class Facts:
    """An engine at this moment: `memory` in bytes, and the uris of the models in it with their own bytes."""

    state: EngineState
    memory: int = 0
    models: Mapping[str, int] = field(default_factory=dict)


class Engine(Protocol):
    """Something that loads models and writes answers. Several may serve one room, behind one that chooses."""

    def generate(self, generation: Generation) -> AsyncIterator[Begun | Text]:
        """`Begun`, then texts until each choice has finished."""

    async def load(self, model: ModelSpec, *, pinned: bool = False) -> None:
        """Load and decode a first token; a pinned model is not evicted until it is unloaded, nor after a restart."""

    async def unload(self, uri: str) -> None:
        """Let a model go, if it is there."""

    def facts(self) -> Facts:
        """What it holds, as last heard: costs nothing."""

    async def close(self) -> None:
        """End it."""
