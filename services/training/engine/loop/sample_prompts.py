"""Which validation rows every evaluation of a run looks at, and the three prompts that it answers."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from shared.engine.text.template import ChatTemplate

MOST_ROWS = 200
SHOWN = 3
CANDIDATES = 10 * SHOWN
_LONGEST_ANSWER, _SPARE = 96, 8


@dataclass(frozen=True)
class Prompt:
    """A validation prompt: its ids, what a person reads, the answer that the data give, and tokens to answer in."""

    ids: list[int]
    text: str
    reference: str
    room: int


def evaluation_rows(rows: int) -> list[int]:
    """The validation rows that every evaluation of a run looks at: all, or 200 spread evenly."""
    return [i * rows // min(rows, MOST_ROWS) for i in range(min(rows, MOST_ROWS))]


def candidates(rows: Iterable[str], template: ChatTemplate, tokenizer: Any) -> list[dict[str, Any]]:
    """Prompts of these rows (JSON texts), where they have one, as plain data."""
    prompts = (_prompt(json.loads(row), template, tokenizer) for row in rows)
    return [asdict(prompt) for prompt in prompts if prompt]


def shown_prompts(found: Sequence[Mapping[str, Any]], context: int) -> list[Prompt]:
    """The first three candidates that leave room for an answer in `context`."""
    return [Prompt(**each) for each in found if 0 < len(each["ids"]) <= context - _LONGEST_ANSWER][:SHOWN]


def _prompt(row: dict[str, Any], template: ChatTemplate, tokenizer: Any) -> Prompt | None:
    """The row up to its last answer; of plain text the first half."""
    if "text" in row:
        ids = template.encode(row).input_ids
        half = len(ids) // 2
        return _shown(ids[:half], tokenizer.decode(ids[:half]), tokenizer.decode(ids[half:]), tokenizer)
    messages = [*row["messages"], *row.get("chosen", [])]
    last = max((i for i, message in enumerate(messages) if message["role"] == "assistant"), default=0)
    if last == 0:
        return None
    ids = template.prompt_ids(messages[:last], row.get("tools"))
    return _shown(ids, messages[last - 1].get("content"), messages[last].get("content"), tokenizer)


def _shown(ids: list[int], text: Any, reference: Any, tokenizer: Any) -> Prompt:
    wanted = len(tokenizer(str(reference), add_special_tokens=False)["input_ids"])
    return Prompt(ids, str(text), str(reference), min(_LONGEST_ANSWER, 2 * wanted + _SPARE))
