"""The embedded engine: our decode loop over transformers models in one child process, all models beside each other."""

from collections.abc import AsyncIterator, Mapping
from contextlib import aclosing
from dataclasses import asdict
from typing import Any

from services.inference.errors import Unsupported
from services.inference.protocol import Begun, Facts, Generation, ModelSpec, Rendered, Text, TokenLogprob
from services.inference.retry import resent
from services.inference.supervisor import Message, Supervisor


class TransformersEngine:
    """The `Engine` over a supervised child."""

    def __init__(self, supervisor: Supervisor) -> None:
        self._supervisor = supervisor
        self._pinned: set[str] = set()

    def generate(self, generation: Generation) -> AsyncIterator[Begun | Text]:
        """`Begun`, then texts. Raises Unsupported for an answer of a given form."""
        return resent(lambda: self._asked(generation))

    async def render(self, model: ModelSpec, prompt: Mapping[str, Any]) -> Rendered:
        """The token ids of a `Generation.prompt` with the model's own template; loads no weights."""
        message = await self._supervisor.ask({"op": "render", "model": self._told(model), **prompt})
        return Rendered(message["prompts"], message["stop_ids"])

    async def load(self, model: ModelSpec, *, pinned: bool = False) -> None:
        """Load and warm up."""
        (self._pinned.add if pinned else self._pinned.discard)(model.uri)
        await self._supervisor.ask({"op": "load", "model": self._told(model)})

    async def unload(self, uri: str) -> None:
        """Let a model go."""
        self._pinned.discard(uri)
        await self._supervisor.tell({"op": "unload", "uri": uri})

    def facts(self) -> Facts:
        """What the child last said that it holds."""
        resident = self._supervisor.resident
        return Facts(self._supervisor.state, resident.get("memory", 0), resident.get("models", {}))

    async def close(self) -> None:
        """End the child."""
        await self._supervisor.close()

    async def _asked(self, generation: Generation) -> AsyncIterator[Begun | Text]:
        if generation.response_format and generation.tools:
            remedy = "Use tool_choice auto, or serve the model with vLLM (ANNEAL_VLLM_COMMAND)."
            raise Unsupported("This engine cannot force a call.", field="tool_choice", remedy=remedy)
        if generation.response_format:
            remedy = "Leave response_format out, or serve the model with vLLM (ANNEAL_VLLM_COMMAND)."
            raise Unsupported("This engine writes no answers of a given form.", field="response_format", remedy=remedy)
        left = generation.choices
        asked = self._supervisor.run(self._command(generation), generation.traceparent)
        async with aclosing(asked) as messages:  # type: ignore[type-var]
            async for message in messages:
                if message["kind"] == "started":
                    yield Begun(message["prompt_tokens"])
                    continue
                text = _text(message)
                left -= text.finish is not None
                yield text
                if not left:
                    return

    def _command(self, generation: Generation) -> dict[str, Any]:
        sampling = asdict(generation.sampling)
        command = {name: getattr(generation, name) for name in ("n", "max_tokens", "stop", "logprobs")}
        return {"op": "generate", "model": self._told(generation.model), **command, **generation.prompt, **sampling}

    def _told(self, model: ModelSpec) -> dict[str, Any]:
        return {**asdict(model), "pinned": model.uri in self._pinned}


def _text(message: Message) -> Text:
    logprobs = [_logprob(entry) for entry in message.get("logprobs", ())]
    return Text(message["choice"], message["text"], message.get("finish"), message.get("tokens", 0), logprobs)


def _logprob(entry: Mapping[str, Any]) -> TokenLogprob:
    top = [_logprob(other) for other in entry.get("top", ())]
    return TokenLogprob(entry["token"], entry["bytes"], entry["logprob"], top)
