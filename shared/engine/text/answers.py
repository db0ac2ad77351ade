"""The conversations of a row whose answers are apart from its prompt: preference pairs and unpaired preferences."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from shared.engine.text.features import ANSWERS

_NOT_RENDERED = frozenset((*ANSWERS, "label"))


def conversation(row: Mapping[str, Any], answer: str) -> dict[str, Any]:
    """The prompt of a row and one of its answers ("chosen", "rejected", "completion"), which alone is trained."""
    rest = {name: value for name, value in row.items() if name not in _NOT_RENDERED}
    return {**rest, "messages": [*row["messages"], *row[answer]], "train_from": len(row["messages"])}


def conversations(row: dict[str, Any]) -> list[dict[str, Any]]:
    """One conversation for each answer of the row; a row without separate answers as it is."""
    return [conversation(row, answer) for answer in ANSWERS if answer in row] or [row]
