"""The fast path for chat rows: JSON lines of the most common shape, decoded straight into the normalized row.

msgspec decodes and validates `{"messages": [{"role", "content"}, …]}` in one pass. A line of any other shape, and one
that may have to be rejected, is left to normalize.py, which gives the reason for a rejection.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Literal, cast

import msgspec

from services.dataset.formats import MAX_CELL_CHARS, MAX_ROW_BYTES
from services.dataset.layouts import Layout


class Message(msgspec.Struct, forbid_unknown_fields=True):
    """A message as it is stored."""

    role: Literal["system", "user", "assistant", "tool"]
    content: str


class ChatRow(msgspec.Struct, forbid_unknown_fields=True):
    """A conversation that normalization would neither reject nor change."""

    messages: list[Message]

    @property
    def group(self) -> str:
        """Equals `normalize.split_group` of the row."""
        return next((message.content for message in self.messages if message.role == "user"), self.messages[0].content)

    @property
    def characters(self) -> int:
        """Equals `normalize.count_characters` of the row."""
        return sum(len(message.content) for message in self.messages)


ChatDecoder = Callable[[bytes], ChatRow | None]


def make_chat_decoder(layout: Layout, matched: Mapping[str, str], columns: Iterable[str]) -> ChatDecoder:
    """Return a decoder of the lines of a file; it returns None for a line that it does not handle.

    `matched` maps layout columns to columns of the file; `columns` are all columns seen so far. A line with another
    column is of an unknown shape.
    """
    if layout.required != ("messages",) or not matched.keys().isdisjoint(layout.optional):
        return lambda line: None
    messages_column = matched["messages"]
    others = [column for column in columns if column != messages_column]
    fields = [(f"other_{i}", Any, msgspec.field(name=column, default=None)) for i, column in enumerate(others)]
    messages = ("messages", list[Message], msgspec.field(name=messages_column))
    row_type = msgspec.defstruct("Row", [messages, *fields], bases=(ChatRow,), forbid_unknown_fields=True)
    decode = msgspec.json.Decoder(row_type).decode

    def decode_chat(line: bytes) -> ChatRow | None:
        # Rows near the size limit are rare; normalize.py handles them.
        if len(line) > MAX_ROW_BYTES // 2:
            return None
        try:
            row = cast("ChatRow", decode(line))
        except (ValueError, RecursionError):
            return None
        return row if _is_valid(row.messages) else None

    return decode_chat


def _is_valid(messages: list[Message]) -> bool:
    roles = [message.role for message in messages]
    if "assistant" not in roles or "system" in roles[1:]:
        return False
    contents = [message.content for message in messages]
    return all(content and not content.isspace() and len(content) <= MAX_CELL_CHARS for content in contents)
