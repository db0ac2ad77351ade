"""The fast path for chat rows: JSON lines of the most common shape, decoded straight into the normalized row.

msgspec decodes and validates `{"messages": [{"role", "content"}, …]}` in one pass. A line of any other shape, and one
that may have to be rejected, is left to normalize.py, which gives the reason for a rejection.
"""

from collections.abc import Iterable
from typing import Annotated, Any, Literal, NamedTuple

import msgspec
from msgspec import UNSET, UnsetType

from services.dataset.engine.json_lines import count_colons, has_other_colons, repeats_key
from services.dataset.engine.values import has_value
from services.dataset.formats import MAX_CELL_CHARS
from shared.engine.text.features import role_features


class Message(msgspec.Struct, forbid_unknown_fields=True):
    """A message as it is stored."""

    role: Literal["system", "user", "assistant", "tool"]
    content: str


class ChatRow(NamedTuple):
    """A conversation that normalization would neither reject nor change.

    `group`, `characters` and `features` equal `split_group`, `count_characters` and `row_features` of the normalized
    row; `others` are the filled columns that are not part of it, with their values.
    """

    messages: list[Message]
    group: str
    characters: int
    features: frozenset[str]
    others: dict[str, Any]


Empty = Literal[""] | None | Annotated[list[Any], msgspec.Meta(max_length=0)]
"""What `values.has_value` takes as no value."""


class ChatDecoder:
    """Decodes the lines of a file whose conversations are in the column `messages`.

    `empty` are columns that change how a row is read, so that a row with a value in one is left to normalize.py;
    `others` are all further columns. A line with yet another column is left to it, too.
    """

    def __init__(self, messages: str, empty: Iterable[str], others: Iterable[str]) -> None:
        self._others = dict.fromkeys(others)
        optional = [*((name, Empty) for name in empty), *((name, Any) for name in self._others)]
        self._optional = [(f"optional_{i}", name) for i, (name, _) in enumerate(optional)]
        self._colons = 1 + messages.count(":")
        fields: list[Any] = [("messages", list[Message], msgspec.field(name=messages))]
        for i, (name, kind) in enumerate(optional):
            fields.append((f"optional_{i}", kind | UnsetType, msgspec.field(name=name, default=UNSET)))
        row_type = msgspec.defstruct("Row", fields, forbid_unknown_fields=True)
        self._decode = msgspec.json.Decoder(row_type).decode

    def decode(self, line: bytes) -> ChatRow | None:
        """Return the row, or None for a line that is left to normalize.py."""
        if len(line) > MAX_CELL_CHARS:  # only a line this long can have a cell that is too long
            return None
        try:
            row: Any = self._decode(line)
        except (ValueError, RecursionError):
            return None
        roles, group, characters = [], None, 0
        colons = self._colons + 2 * len(row.messages)
        for message in row.messages:
            role, content = message.role, message.content
            if not content or content.isspace():
                return None
            roles.append(role)
            characters += len(content)
            colons += content.count(":")
            if group is None and role == "user":
                group = content
        if not roles or roles[-1] != "assistant" or "system" in roles[1:]:
            return None
        given = {name: value for field, name in self._optional if (value := getattr(row, field)) is not UNSET}
        if has_other_colons(line, colons + count_colons(given)) and repeats_key(line):
            return None
        others = {name: value for name, value in given.items() if name in self._others and has_value(value)}
        group = row.messages[0].content if group is None else group
        return ChatRow(row.messages, group, characters, role_features(tuple(roles)), others)
