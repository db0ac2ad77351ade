"""The embedded engine: a decode loop over transformers models in one child process that holds all of them."""

from collections.abc import AsyncIterator, Mapping
from contextlib import aclosing
from dataclasses import asdict
from typing import Any

from services.inference.errors import UnsupportedParameter
from services.inference.prompt_renderer import PromptRenderer
from services.inference.protocol import (
    EngineStatus,
    GenerationRequest,
    ModelSpec,
    RenderedPrompts,
    Started,
    TextDelta,
    TokenLogprob,
)
from services.inference.retry import retry_unstarted
from services.inference.supervisor import Message, Supervisor


class TransformersEngine:
    """An `Engine` in a supervised child process."""

    def __init__(self, supervisor: Supervisor, renderer: PromptRenderer) -> None:
        self._supervisor, self._renderer = supervisor, renderer
        self._pinned: set[str] = set()

    def generate(self, generation: GenerationRequest) -> AsyncIterator[Started | TextDelta]:
        """Yield `Started`, then text deltas. Raises UnsupportedParameter for a response_format."""
        return retry_unstarted(lambda: self._generate_once(generation))

    async def load(self, model: ModelSpec, *, pinned: bool = False) -> None:
        """Load the model and warm it up."""
        (self._pinned.add if pinned else self._pinned.discard)(model.uri)
        await self._supervisor.request({"op": "load", "model": self._model_fields(model)})

    async def unload(self, uri: str) -> None:
        """Unload the model, and end its quarantine."""
        self._supervisor.quarantine.release(uri)
        self._renderer.release(uri)
        self._pinned.discard(uri)
        await self._supervisor.notify({"op": "unload", "uri": uri})

    def status(self) -> EngineStatus:
        """Return the child's last report."""
        report = self._supervisor.memory_report
        return EngineStatus(self._supervisor.state, report.get("memory", 0), report.get("models", {}))

    async def close(self) -> None:
        """Stop the child processes."""
        await self._renderer.close()
        await self._supervisor.close()

    async def _generate_once(self, generation: GenerationRequest) -> AsyncIterator[Started | TextDelta]:
        if generation.response_format and generation.tools:
            remedy = "Use tool_choice auto, or serve the model with vLLM (ANNEAL_VLLM_COMMAND)."
            raise UnsupportedParameter(
                "The transformers engine cannot force a tool call.", field="tool_choice", remedy=remedy
            )
        if generation.response_format:
            remedy = "Leave response_format out, or serve the model with vLLM (ANNEAL_VLLM_COMMAND)."
            raise UnsupportedParameter(
                "The transformers engine does not support response_format.", field="response_format", remedy=remedy
            )
        unfinished = generation.choices
        rendered = await self._renderer.render(generation)
        stream = self._supervisor.stream(self._command(generation, rendered), generation.traceparent)
        async with aclosing(stream) as messages:  # type: ignore[type-var]
            async for message in messages:
                if message["kind"] == "started":
                    yield Started(message["prompt_tokens"])
                    continue
                text = _text_delta(message)
                unfinished -= text.finish_reason is not None
                yield text
                if not unfinished:
                    return

    def _command(self, generation: GenerationRequest, rendered: RenderedPrompts) -> dict[str, Any]:
        names = ("project", "n", "max_tokens", "stop", "logprobs", "tools", "prompt_field", "stream")
        return {
            "op": "generate",
            "model": self._model_fields(generation.model),
            "prompts": rendered.prompts,
            "echo": _texts(generation) if generation.echo else None,
            **{name: getattr(generation, name) for name in names},
            **asdict(generation.sampling),
        }

    def _model_fields(self, model: ModelSpec) -> dict[str, Any]:
        return {**asdict(model), "pinned": model.uri in self._pinned}


def _texts(generation: GenerationRequest) -> list[str | None]:
    """The prompts that are texts; None for token ids."""
    return [prompt if isinstance(prompt, str) else None for prompt in generation.prompts or ()]


def _text_delta(message: Message) -> TextDelta:
    logprobs = [_token_logprob(entry) for entry in message.get("logprobs", ())]
    finish, tokens, joined = message.get("finish"), message.get("tokens", 0), message.get("joined", 1)
    return TextDelta(message["choice"], message["text"], finish, tokens, logprobs, joined=joined)


def _token_logprob(entry: Mapping[str, Any]) -> TokenLogprob:
    top = [_token_logprob(other) for other in entry.get("top", ())]
    return TokenLogprob(entry["token"], entry["bytes"], entry["logprob"], top)
