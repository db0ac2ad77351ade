"""Reads evaluation examples: a seeded uniform sample of a split's rows, each with its prompt and reference."""

import json
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pyarrow.parquet as parquet

from services.evaluation.engine.skipped_rows import NO_ANSWER, NOT_SHOWN, REFUSED, UNDESIRABLE, SkippedRows
from shared.engine.process.protocol import EngineError
from shared.engine.text.answers import conversation
from shared.engine.text.template import ChatTemplate, Row
from shared.row_features import IN_WORDS

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
    columns: Mapping[str, Any] = field(default_factory=dict)
    """Values of further columns of the row, by which results may be sliced."""


def read_examples(
    folder: Path, shards: Sequence[str], limit: int, template: ChatTemplate
) -> tuple[list[Example], SkippedRows]:
    """Read at most `limit` rows, in the order of the split; return the examples, and the rows that are skipped.

    Raises EngineError `nothing_to_evaluate` if all of them are.
    """
    files = [parquet.ParquetFile(folder / shard) for shard in shards]
    total = sum(file.metadata.num_rows for file in files)
    chosen = set(random.Random(SEED).sample(range(total), min(limit, total)))  # noqa: S311 - a repeatable choice, no secret
    records = (record for number, record in enumerate(_read_records(files)) if number in chosen)
    skipped = SkippedRows()
    examples = [
        replace(example, columns=json.loads(record.get("columns") or "{}"))
        for record in records
        if (example := _to_example(record, template, skipped))
    ]
    skipped.check_rows_left(len(examples))
    return examples, skipped


def _read_records(files: Sequence[Any]) -> Iterator[Mapping[str, Any]]:
    for file in files:
        for batch in file.iter_batches(batch_size=1024):
            yield from batch.to_pylist()


def _to_example(record: Mapping[str, Any], template: ChatTemplate, skipped: SkippedRows) -> Example | None:
    row, source = json.loads(record["row"]), record["source"]
    if "text" in row:
        return Example(record["row_id"], source, [row], [], [], [])
    if row.get("label") is False:
        skipped.add(UNDESIRABLE, source)
        return None
    if missing := template.missing_features(row):
        names = ", ".join(IN_WORDS.get(feature, feature) for feature in sorted(missing))
        skipped.add(NOT_SHOWN, source, f"the chat template cannot show {names}")
        return None
    row = _with_good_answer(row)
    if not (answer := _last_trained_answer(row)):
        skipped.add(NO_ANSWER, source)
        return None
    try:
        return _conversation_example(record["row_id"], source, row, answer, template)
    except EngineError as error:
        skipped.add(REFUSED, source, error.detail)
        return None


def _conversation_example(row_id: int, source: str, row: Row, answer: int, template: ChatTemplate) -> Example:
    prompt = row["messages"][:answer]
    prompt_ids = template.prompt_ids(prompt, row.get("tools"), row.get("chat_template_kwargs"))
    samples = template.expand(row)
    for sample in samples:  # the losses encode them later: a row that is refused is found here
        template.encode(sample)
    return Example(row_id, source, samples, prompt, prompt_ids, _reference_ids(row, answer, template))


def _with_good_answer(row: Row) -> Row:
    """Return a row of preferences as its prompt with the chosen or desirable answer; others as they are."""
    answer = next((name for name in ("chosen", "completion") if name in row), None)
    return conversation(row, answer) if answer else row


def _last_trained_answer(row: Row) -> int:
    """Return the index of the last assistant message that is trained; 0 for none, or no message before it."""
    trained = (
        index
        for index, message in enumerate(row["messages"])
        if message["role"] == "assistant" and message.get("train") is not False and index >= row.get("train_from", 0)
    )
    return max(trained, default=0)


def _reference_ids(row: Row, answer: int, template: ChatTemplate) -> list[int]:
    """Return the ids of the answer without stop tokens, as training encodes it; whole, also where parts are masked."""
    turn = {name: value for name, value in row["messages"][answer].items() if name != "untrained"}
    encoded = template.encode({**row, "messages": [*row["messages"][:answer], turn], "train_from": answer})
    ids = [id for id, trained in zip(encoded.input_ids, encoded.trained, strict=True) if trained]
    while ids and ids[-1] in template.stop_ids:
        ids.pop()
    return ids
