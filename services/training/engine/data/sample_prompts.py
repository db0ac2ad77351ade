"""Selects the validation rows that every evaluation of a run uses, and the prompts for sample answers."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from shared.engine.process.protocol import EngineError
from shared.engine.text.answers import conversation
from shared.engine.text.template import ChatTemplate

PROMPT_ROWS = 200
"""Validation rows, at even distances, the first of which are candidates."""
PROMPTS = 3
CANDIDATES = 10 * PROMPTS
"""Prompts that the token store keeps: the cache serves models whose context is too short for some of them."""
_MAX_ANSWER_TOKENS, _EXTRA_ANSWER_TOKENS = 96, 8


@dataclass(frozen=True)
class SamplePrompt:
    """A validation prompt as token ids and as text, with the reference answer from the data."""

    ids: list[int]
    text: str
    reference: str
    max_new_tokens: int


def evaluation_rows(rows: int, limit: int = PROMPT_ROWS) -> list[int]:
    """Indices of the validation rows that every evaluation uses: all, or `limit` at even distances."""
    count = min(rows, limit)
    return [i * rows // count for i in range(count)]


def candidates(rows: Iterable[str], template: ChatTemplate, tokenizer: Any) -> list[dict[str, Any]]:
    """The prompts of these rows (JSON texts), as plain data for the token store; rows without an answer are skipped."""
    prompts = (_prompt(json.loads(row), template, tokenizer) for row in rows)
    # `room` is the stored name of max_new_tokens; caches of earlier releases have it, too.
    return [{"ids": p.ids, "text": p.text, "reference": p.reference, "room": p.max_new_tokens} for p in prompts if p]


def choose_sample_prompts(stored: Sequence[Mapping[str, Any]], context_length: int) -> list[SamplePrompt]:
    """The first three candidates that leave enough of the context for an answer."""
    fitting = [each for each in stored if 0 < len(each["ids"]) <= context_length - _MAX_ANSWER_TOKENS]
    return [SamplePrompt(each["ids"], each["text"], each["reference"], each["room"]) for each in fitting[:PROMPTS]]


def _prompt(row: dict[str, Any], template: ChatTemplate, tokenizer: Any) -> SamplePrompt | None:
    """The row up to its last trained answer; for plain text, its first half. None if there is no such answer."""
    if "text" in row:
        ids = template.encode(row).input_ids
        half = len(ids) // 2
        return _sample_prompt(ids[:half], tokenizer.decode(ids[:half]), tokenizer.decode(ids[half:]), tokenizer)
    if row.get("label") is False or template.missing_features(row):
        return None
    answer = next((name for name in ("chosen", "completion") if name in row), None)
    if answer:
        row = conversation(row, answer)
    messages = row["messages"]
    first = row.get("train_from", 0)
    last = max((i for i, message in enumerate(messages) if i >= first and _is_trained(message)), default=0)
    if last == 0:
        return None
    try:
        ids = template.prompt_ids(messages[:last], row.get("tools"), row.get("chat_template_kwargs"))
    except EngineError:  # such rows are skipped, and counted, when they are tokenized
        return None
    return _sample_prompt(ids, _text_of(messages[last - 1]), _text_of(messages[last]), tokenizer)


def _is_trained(message: Mapping[str, Any]) -> bool:
    """Whether a message is an assistant turn that the data does not exclude from training."""
    return message["role"] == "assistant" and message.get("train", True)


def _text_of(message: Mapping[str, Any]) -> str:
    """The content of a message, or its tool calls as JSON."""
    calls = message.get("tool_calls")
    return str(message.get("content") or (json.dumps(calls, ensure_ascii=False) if calls else ""))


def _sample_prompt(ids: list[int], text: str, reference: str, tokenizer: Any) -> SamplePrompt:
    expected = len(tokenizer(reference, add_special_tokens=False)["input_ids"])
    max_new_tokens = min(_MAX_ANSWER_TOKENS, 2 * expected + _EXTRA_ANSWER_TOKENS)
    return SamplePrompt(ids, text, reference, max_new_tokens)
