"""Builds the chunks of streamed chat and text completions."""

from collections import Counter
from typing import Any, Protocol

from services.inference.openai.schemas import ChatLogprobs, TextLogprobs, Usage
from services.inference.protocol import TextDelta, ToolCallDelta

Chunk = dict[str, Any]


class ChunkBuilder(Protocol):
    """Builds the chunks of one stream."""

    def opening_chunks(self, choices: int) -> list[Chunk]:
        """Return the chunks that precede all text."""

    def delta_chunk(self, delta: TextDelta) -> Chunk:
        """Build the chunk of one delta."""

    def usage_chunk(self, usage: Usage) -> Chunk:
        """Build the last chunk, which has the usage and no choices."""


class ChatChunkBuilder:
    """Builds the chunks of a chat completion."""

    def __init__(self, envelope: dict[str, Any]) -> None:
        self._envelope = {**envelope, "object": "chat.completion.chunk"}

    def _chunk(self, index: int, delta: dict[str, Any], finish_reason: str | None, logprobs: Any = None) -> Chunk:
        choice = {"index": index, "delta": delta, "logprobs": logprobs, "finish_reason": finish_reason}
        return {**self._envelope, "choices": [choice]}

    def opening_chunks(self, choices: int) -> list[Chunk]:
        """Return one chunk per choice that states the role."""
        return [self._chunk(index, {"role": "assistant", "content": ""}, None) for index in range(choices)]

    def delta_chunk(self, delta: TextDelta) -> Chunk:
        """Build the chunk of one delta."""
        logprobs = ChatLogprobs.of(delta.logprobs).model_dump() if delta.logprobs else None
        message: dict[str, Any] = {"content": delta.text} if delta.text else {}
        if delta.tool_calls:
            message["tool_calls"] = [tool_call_delta(call) for call in delta.tool_calls]
        return self._chunk(delta.choice, message, delta.finish_reason, logprobs)

    def usage_chunk(self, usage: Usage) -> Chunk:
        """Build the usage chunk."""
        return {**self._envelope, "choices": [], "usage": usage.model_dump()}


def tool_call_delta(piece: ToolCallDelta) -> dict[str, Any]:
    """Convert a tool call delta to OpenAI's format; only the first delta of a call has id and name."""
    if piece.id is None:
        return {"index": piece.index, "function": {"arguments": piece.arguments}}
    function = {"name": piece.name, "arguments": piece.arguments}
    return {"index": piece.index, "id": piece.id, "type": "function", "function": function}


class TextChunkBuilder:
    """Builds the chunks of a text completion."""

    def __init__(self, envelope: dict[str, Any]) -> None:
        self._envelope = {**envelope, "object": "text_completion"}
        self._offsets: Counter[int] = Counter()

    def opening_chunks(self, choices: int) -> list[Chunk]:
        """Return no chunks."""
        return []

    def delta_chunk(self, delta: TextDelta) -> Chunk:
        """Build the chunk of one delta."""
        logprobs = self._logprobs(delta) if delta.logprobs else None
        choice = {"index": delta.choice, "text": delta.text, "logprobs": logprobs, "finish_reason": delta.finish_reason}
        return {**self._envelope, "choices": [choice]}

    def usage_chunk(self, usage: Usage) -> Chunk:
        """Build the usage chunk."""
        return {**self._envelope, "choices": [], "usage": usage.model_dump()}

    def _logprobs(self, delta: TextDelta) -> dict[str, Any]:
        shown = TextLogprobs.of(delta.logprobs, self._offsets[delta.choice]).model_dump()
        self._offsets[delta.choice] += sum(len(token.token) for token in delta.logprobs)
        return shown
