"""Keys that a JSON object gives twice: Python's parsers take the last and tell nobody, others take the first."""

from collections.abc import Sequence
from typing import Any


class RepeatedKey(Exception):
    """A JSON object gives `key` more than once. Not a ValueError, which would mean that the text is no JSON."""

    def __init__(self, key: str) -> None:
        super().__init__(f"the key {key!r} occurs twice in one object")
        self.key = key


def unique_keys(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    """`object_pairs_hook` of json.loads. Raises RepeatedKey."""
    found = dict(pairs)
    if len(found) < len(pairs):
        seen = set[str]()
        for name, _ in pairs:
            if name in seen:
                raise RepeatedKey(name)
            seen.add(name)
    return found
