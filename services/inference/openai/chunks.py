"""OpenAI's stream chunks for both kinds of completion."""

from collections import Counter
from typing import Any, Protocol

from services.inference.openai.schemas import ChatLogprobs, TextLogprobs
from services.inference.protocol import CallPiece, Text

Chunk = dict[str, Any]


class Chunks(Protocol):
    """Makes the chunks of one stream."""

    def opening(self, choices: int) -> list[Chunk]:
        """What comes before any text."""

    def text(self, text: Text) -> Chunk:
        """More text, or an end."""

    def empty(self) -> Chunk:
        """A chunk without a choice, to carry the usage."""


class ChatChunks:
    """Chunks of a chat completion."""

    def __init__(self, head: dict[str, Any]) -> None:
        self._head = {**head, "object": "chat.completion.chunk"}

    def _chunk(self, index: int, delta: dict[str, Any], finish: str | None, logprobs: Any = None) -> Chunk:
        choice = {"index": index, "delta": delta, "logprobs": logprobs, "finish_reason": finish}
        return {**self._head, "choices": [choice]}

    def opening(self, choices: int) -> list[Chunk]:
        """Each choice's role."""
        return [self._chunk(index, {"role": "assistant", "content": ""}, None) for index in range(choices)]

    def text(self, text: Text) -> Chunk:
        """More text, or an end."""
        logprobs = ChatLogprobs.of(text.logprobs).model_dump() if text.logprobs else None
        delta: dict[str, Any] = {"content": text.text} if text.text else {}
        if text.calls:
            delta["tool_calls"] = [call_delta(piece) for piece in text.calls]
        return self._chunk(text.choice, delta, text.finish, logprobs)

    def empty(self) -> Chunk:
        """A chunk without a choice."""
        return {**self._head, "choices": []}


def call_delta(piece: CallPiece) -> dict[str, Any]:
    """OpenAI's shape of a piece of a call: the first one tells id and name."""
    if piece.id is None:
        return {"index": piece.index, "function": {"arguments": piece.arguments}}
    function = {"name": piece.name, "arguments": piece.arguments}
    return {"index": piece.index, "id": piece.id, "type": "function", "function": function}


class TextChunks:
    """Chunks of a text completion."""

    def __init__(self, head: dict[str, Any]) -> None:
        self._head = {**head, "object": "text_completion"}
        self._offsets: Counter[int] = Counter()

    def opening(self, choices: int) -> list[Chunk]:
        """Nothing."""
        return []

    def text(self, text: Text) -> Chunk:
        """More text, or an end."""
        logprobs = self._logprobs(text) if text.logprobs else None
        choice = {"index": text.choice, "text": text.text, "logprobs": logprobs, "finish_reason": text.finish}
        return {**self._head, "choices": [choice]}

    def empty(self) -> Chunk:
        """A chunk without a choice."""
        return {**self._head, "choices": []}

    def _logprobs(self, text: Text) -> dict[str, Any]:
        shown = TextLogprobs.of(text.logprobs, self._offsets[text.choice]).model_dump()
        self._offsets[text.choice] += sum(len(token.token) for token in text.logprobs)
        return shown
