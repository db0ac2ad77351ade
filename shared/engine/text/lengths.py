"""How long rows are in a model's tokens, over its own chat template; any room with shards and a model may ask.

Spec: {"shards": [paths], "rows": in all of them, "model": reference}. Result: {"counted", "refused", "samples":
[[tokens, trained tokens, tokens before the first trained one, samples]]}: counts by length, from which any
`max_length` is answered.
"""

import json
from collections import Counter
from collections.abc import Iterator
from itertools import islice
from typing import Any

import pyarrow.parquet as pq

from shared.engine.process.protocol import Commands, EngineError, Reporter
from shared.engine.text.template import ChatTemplate
from shared.engine.text.tokenize import Encoded, Marked
from shared.engine.text.tokenizer import load_tokenizer

SAMPLED = 4_000
"""Rows that are tokenized at most, evenly spread."""
AT_ONCE = 500


def main(spec: dict[str, Any], reporter: Reporter, commands: Commands) -> dict[str, Any]:
    """Encode the rows (or an even sample of them) exactly as training would."""
    template = ChatTemplate.of(load_tokenizer(spec["model"]))
    stride = -(-spec["rows"] // SAMPLED)
    lengths: Counter[tuple[int, int, int]] = Counter()
    counted = refused = 0
    rows = _rows(spec["shards"], stride)
    while block := list(islice(rows, AT_ONCE)):
        marked = [_marked(template, row) for row in block]
        encoded = template.encode_all([text for texts in marked for text in texts or ()])
        lengths.update(map(_length, encoded))
        counted, refused = counted + len(block), refused + marked.count(None)
        reporter.progress(counted, spec["rows"] // stride, "rows")
    samples = [[*length, count] for length, count in sorted(lengths.items())]
    return {"counted": counted, "refused": refused, "samples": samples}


def _rows(shards: list[str], stride: int) -> Iterator[dict[str, Any]]:
    index = 0
    for path in shards:
        with pq.ParquetFile(path) as file:
            for batch in file.iter_batches(batch_size=512, columns=["row"]):
                for text in batch.column(0).to_pylist():
                    if index % stride == 0:
                        yield json.loads(text)
                    index += 1


def _marked(template: ChatTemplate, row: dict[str, Any]) -> list[Marked] | None:
    """None where the template refuses the row."""
    try:
        return [text for sample in samples_of(row) for text in template.marked(sample)]
    except EngineError:
        return None


def _length(sample: Encoded) -> tuple[int, int, int]:
    spans = [(start, end) for start, end in sample.spans if start < end]
    first = min((start for start, _ in spans), default=len(sample))
    return len(sample), sum(end - start for start, end in spans), first


def samples_of(row: dict[str, Any]) -> list[dict[str, Any]]:
    """A preference row is two conversations; every other row is itself."""
    if "chosen" not in row:
        return [row]
    rest = {"tools": row["tools"]} if "tools" in row else {}
    start = len(row["messages"])
    return [
        {"messages": [*row["messages"], *row[side]], "train_from": start, **rest} for side in ("chosen", "rejected")
    ]
