"""The rows of a split: an even, seeded draw, and what of each row is the prompt and what the reference."""

import json
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow.parquet as parquet

from shared.engine.text.template import ChatTemplate, Row

SEED = 20_261_123
"""Fixed, so that every model is scored on the same rows."""


@dataclass(frozen=True)
class Example:
    """One row of the split. `samples` are what training would train on; plain text has nothing else."""

    row_id: int
    source: str
    samples: list[Row]
    messages: list[Row]
    prompt_ids: list[int]
    reference_ids: list[int]


def read_examples(folder: Path, shards: Sequence[str], limit: int, template: ChatTemplate) -> list[Example]:
    """At most `limit` rows, in the order of the split; conversations in which nobody is answered are left out."""
    files = [parquet.ParquetFile(folder / shard) for shard in shards]
    total = sum(file.metadata.num_rows for file in files)
    chosen = set(random.Random(SEED).sample(range(total), min(limit, total)))  # noqa: S311
    picked = (record for number, record in enumerate(_records(files)) if number in chosen)
    return [example for record in picked if (example := _example(record, template))]


def _records(files: Sequence[Any]) -> Iterator[Mapping[str, Any]]:
    for file in files:
        for batch in file.iter_batches(batch_size=1024):
            yield from batch.to_pylist()


def _example(record: Mapping[str, Any], template: ChatTemplate) -> Example | None:
    row = _conversation(json.loads(record["row"]))
    if "messages" not in row:
        return Example(record["row_id"], record["source"], [row], [], [], [])
    turn = _last_answer(row["messages"])
    if not turn:
        return None
    samples, prompt = template.expand(row), row["messages"][:turn]
    prompt_ids = template.prompt_ids(prompt, row.get("tools"))
    return Example(record["row_id"], record["source"], samples, prompt, prompt_ids, _reference(samples[-1], template))


def _conversation(row: Row) -> Row:
    """A preference row counts as its prompt with the chosen answer."""
    if "chosen" not in row:
        return row
    return {**row, "messages": [*row["messages"], *row["chosen"]]}


def _last_answer(messages: Sequence[Row]) -> int:
    """Index of the last assistant turn; 0 where there is none, or nothing before it."""
    return max((i for i, message in enumerate(messages) if message["role"] == "assistant"), default=0)


def _reference(sample: Row, template: ChatTemplate) -> list[int]:
    """The ids of the last trained turn without its end: the very ids the model was taught to answer."""
    encoded = template.encode(sample)
    end = max((i + 1 for i, trained in enumerate(encoded.trained) if trained), default=0)
    start = max((i + 1 for i in range(end) if not encoded.trained[i]), default=0)
    ids = encoded.input_ids[start:end]
    while ids and ids[-1] in template.stop_ids:
        ids.pop()
    return ids
