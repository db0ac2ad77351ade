"""Reads evaluation examples: a seeded uniform sample of a split's rows, each with its prompt and reference."""

import json
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow.parquet as parquet

from shared.engine.text.template import ChatTemplate, Row

SEED = 20_261_123
"""Fixed: every model is scored on the same rows."""


@dataclass(frozen=True)
class Example:
    """A row of the split. `samples` is what training trains on. Plain text has no prompt and no reference."""

    row_id: int
    source: str
    samples: list[Row]
    messages: list[Row]
    prompt_ids: list[int]
    reference_ids: list[int]


def read_examples(folder: Path, shards: Sequence[str], limit: int, template: ChatTemplate) -> list[Example]:
    """Read at most `limit` rows, in the order of the split. Conversations without an answer are skipped."""
    files = [parquet.ParquetFile(folder / shard) for shard in shards]
    total = sum(file.metadata.num_rows for file in files)
    chosen = set(random.Random(SEED).sample(range(total), min(limit, total)))  # noqa: S311
    records = (record for number, record in enumerate(_read_records(files)) if number in chosen)
    return [example for record in records if (example := _to_example(record, template))]


def _read_records(files: Sequence[Any]) -> Iterator[Mapping[str, Any]]:
    for file in files:
        for batch in file.iter_batches(batch_size=1024):
            yield from batch.to_pylist()


def _to_example(record: Mapping[str, Any], template: ChatTemplate) -> Example | None:
    row = _with_chosen_answer(json.loads(record["row"]))
    if "messages" not in row:
        return Example(record["row_id"], record["source"], [row], [], [], [])
    answer = _last_answer_index(row["messages"])
    if not answer:
        return None
    samples, prompt = template.expand(row), row["messages"][:answer]
    prompt_ids = template.prompt_ids(prompt, row.get("tools"))
    return Example(
        record["row_id"], record["source"], samples, prompt, prompt_ids, _reference_ids(samples[-1], template)
    )


def _with_chosen_answer(row: Row) -> Row:
    """Return a preference row as its prompt with the chosen answer; other rows unchanged."""
    if "chosen" not in row:
        return row
    return {**row, "messages": [*row["messages"], *row["chosen"]]}


def _last_answer_index(messages: Sequence[Row]) -> int:
    """Return the index of the last assistant message; 0 where there is none, or no message before it."""
    return max((i for i, message in enumerate(messages) if message["role"] == "assistant"), default=0)


def _reference_ids(sample: Row, template: ChatTemplate) -> list[int]:
    """Return the ids of the last trained turn without stop tokens: exactly the ids that training uses."""
    encoded = template.encode(sample)
    end = max((i + 1 for i, trained in enumerate(encoded.trained) if trained), default=0)
    start = max((i + 1 for i in range(end) if not encoded.trained[i]), default=0)
    ids = encoded.input_ids[start:end]
    while ids and ids[-1] in template.stop_ids:
        ids.pop()
    return ids
