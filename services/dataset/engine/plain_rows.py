"""Rows of the most common shape, decoded straight into what is stored: messages of a role and a content.

Whatever is anything else, or may be wrong, is left to rows.py, which knows more shapes and has words for what is wrong.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Literal, cast

import msgspec

from services.dataset.formats import MAX_CELL, MAX_ROW_BYTES, Layout


class Message(msgspec.Struct, forbid_unknown_fields=True):
    """As it is stored."""

    role: Literal["system", "user", "assistant", "tool"]
    content: str


class PlainRow(msgspec.Struct, forbid_unknown_fields=True):
    """A conversation in which nothing would be refused or changed."""

    messages: list[Message]

    @property
    def group(self) -> str:
        """As `rows.group_of`."""
        return next((message.content for message in self.messages if message.role == "user"), self.messages[0].content)

    @property
    def characters(self) -> int:
        """As `rows.characters_of`."""
        return sum(len(message.content) for message in self.messages)


Decode = Callable[[bytes], PlainRow | None]


def decoder(layout: Layout, named: Mapping[str, str], columns: Iterable[str]) -> Decode:
    """For lines of a file; `named` is our column -> the file's, `columns` are all that lines are known to have."""
    if layout.name != "messages" or not named.keys().isdisjoint(layout.optional):
        return lambda line: None
    theirs = named["messages"]
    others = [column for column in columns if column != theirs]
    fields = [(f"other_{i}", Any, msgspec.field(name=column, default=None)) for i, column in enumerate(others)]
    messages = ("messages", list[Message], msgspec.field(name=theirs))
    row = msgspec.defstruct("Row", [messages, *fields], bases=(PlainRow,), forbid_unknown_fields=True)
    decode = msgspec.json.Decoder(row).decode

    def plain(line: bytes) -> PlainRow | None:
        if len(line) > MAX_ROW_BYTES // 2:
            return None
        try:
            found = cast("PlainRow", decode(line))
        except (ValueError, RecursionError):
            return None
        return found if _sound(found.messages) else None

    return plain


def _sound(messages: list[Message]) -> bool:
    roles = [message.role for message in messages]
    if "assistant" not in roles or "system" in roles[1:]:
        return False
    contents = [message.content for message in messages]
    return all(content and not content.isspace() and len(content) <= MAX_CELL for content in contents)
