"""The prompts that an export is verified on: held-out rows of the model's dataset, or else built-in questions."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow.parquet as parquet

from shared.engine.process.protocol import EngineError
from shared.engine.text.answers import conversations
from shared.engine.text.template import ChatTemplate

QUESTIONS = (
    "Hello!",
    "My invoice from last month is wrong, I was charged twice. What can I do?",
    "What is 17 + 25?",
)
"""Prompts of different lengths, so that a batch of them is padded."""
NEW_TOKENS = 24
MAX_PROMPTS, MAX_PROMPT_TOKENS = 64, 256
MAX_PROMPTS_OF_LARGE_MODELS = 16
"""Of models with more parameters than are exported in float32: each prompt costs seconds."""
MAX_REFERENCE_TOKENS = 256
"""Of all answers together: llama.cpp computes each by a request of its own."""
_TEXT_PROMPT_TOKENS = 32
"""Of a row of plain text; the rest is its reference."""


@dataclass(frozen=True)
class Prompts:
    """Prompts and the reference answers to them, as token ids; `source` describes them. An answer may be empty."""

    ids: list[list[int]]
    references: list[list[int]]
    source: str

    @property
    def longest(self) -> int:
        """Tokens of the longest prompt with its generated or reference answer."""
        pairs = zip(self.ids, self.references, strict=True)
        return max(len(ids) + max(NEW_TOKENS, len(reference)) for ids, reference in pairs)


def read_prompts(held_out: Mapping[str, Any] | None, template: ChatTemplate, context: int, limit: int) -> Prompts:
    """Encode at most `limit` held-out rows, or the built-in questions where none has an answer.

    `held_out`: {"folder", "shards", "name"} of a dataset's split, or None. Prompts are truncated on the left to
    MAX_PROMPT_TOKENS, and to leave NEW_TOKENS of the `context`; all references together have MAX_REFERENCE_TOKENS.
    """
    pairs = list(islice(_held_out(held_out, template), limit)) if held_out else []
    source = f"{len(pairs)} held-out rows of {held_out['name']}" if held_out else ""
    if not pairs:
        pairs = [(template.prompt_ids([{"role": "user", "content": question}]), []) for question in QUESTIONS]
        source = f"{len(pairs)} built-in questions"
    width = min(context - NEW_TOKENS, MAX_PROMPT_TOKENS)
    each = max(MAX_REFERENCE_TOKENS // len(pairs), 1)
    return Prompts([ids[-width:] for ids, _ in pairs], [ids[: min(each, context - width)] for _, ids in pairs], source)


def _held_out(held_out: Mapping[str, Any], template: ChatTemplate) -> Iterator[tuple[list[int], list[int]]]:
    for shard in held_out["shards"]:
        for batch in parquet.ParquetFile(Path(held_out["folder"]) / shard).iter_batches(64, columns=["row"]):
            for record in batch.to_pylist():
                try:
                    yield from _encode(json.loads(record["row"]), template)
                except EngineError:
                    continue  # evaluations report rows that the template refuses


def _encode(row: dict[str, Any], template: ChatTemplate) -> Iterator[tuple[list[int], list[int]]]:
    """The prompt and the answer of a row, as token ids without stop tokens."""
    if "text" in row:
        ids = template.encode(row).input_ids
        if len(ids) > 1:
            at = min(_TEXT_PROMPT_TOKENS, len(ids) // 2)
            yield ids[:at], ids[at:]
        return
    row = conversations(row)[0]
    roles = [message["role"] for message in row["messages"]]
    if "assistant" not in roles[1:]:
        return
    answer = len(roles) - 1 - roles[::-1].index("assistant")
    turn = {key: value for key, value in row["messages"][answer].items() if key not in ("untrained", "train")}
    row = {**row, "messages": [*row["messages"][:answer], turn], "train_from": answer}
    encoded = template.encode(row)
    ids = [id for id, trained in zip(encoded.input_ids, encoded.trained, strict=True) if trained]
    while ids and ids[-1] in template.stop_ids:
        ids.pop()
    yield template.prompt_ids(row["messages"][:answer], row.get("tools"), row.get("chat_template_kwargs")), ids
