"""OpenAI's stream chunks for both kinds of completion."""

from typing import Any, Protocol

from services.inference.completions import Piece

Chunk = dict[str, Any]


class Chunks(Protocol):
    """Makes the chunks of one stream."""

    def opening(self, choices: int) -> list[Chunk]:
        """What comes before any text."""

    def piece(self, piece: Piece) -> Chunk:
        """More text, or an end."""

    def empty(self) -> Chunk:
        """A chunk without a choice, to carry the usage."""


class ChatChunks:
    """Chunks of a chat completion."""

    def __init__(self, head: dict[str, Any]) -> None:
        self._head = {**head, "object": "chat.completion.chunk"}

    def _chunk(self, index: int, delta: dict[str, Any], finish: str | None) -> Chunk:
        choice = {"index": index, "delta": delta, "logprobs": None, "finish_reason": finish}
        return {**self._head, "choices": [choice]}

    def opening(self, choices: int) -> list[Chunk]:
        """Each choice's role."""
        return [self._chunk(index, {"role": "assistant", "content": ""}, None) for index in range(choices)]

    def piece(self, piece: Piece) -> Chunk:
        """More text, or an end."""
        return self._chunk(piece.choice, {"content": piece.text} if piece.text else {}, piece.finish)

    def empty(self) -> Chunk:
        """A chunk without a choice."""
        return {**self._head, "choices": []}


class TextChunks:
    """Chunks of a text completion."""

    def __init__(self, head: dict[str, Any]) -> None:
        self._head = {**head, "object": "text_completion"}

    def opening(self, choices: int) -> list[Chunk]:
        """Nothing."""
        return []

    def piece(self, piece: Piece) -> Chunk:
        """More text, or an end."""
        choice = {"index": piece.choice, "text": piece.text, "logprobs": None, "finish_reason": piece.finish}
        return {**self._head, "choices": [choice]}

    def empty(self) -> Chunk:
        """A chunk without a choice."""
        return {**self._head, "choices": []}
