"""Measures how many tokens the rows of a dataset have in a model's chat template; an engine of several services.

Spec: {"shards": [paths], or {split: [paths]}, "rows": total, "model": reference, "skip_unsupported"?, "supervised"?}.
Result:
{"counted", "refused", "samples": [[tokens, trained tokens, tokens before the first trained one, samples]]}, and with
splits the same for each of them in "splits". `samples` is a histogram by length, which answers for any `max_length`.
`skip_unsupported`: rows that the template cannot show count, but have no samples, as in training. `supervised`: of a
preference pair, only the chosen answer counts, as in supervised training.
"""

import json
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from itertools import islice
from typing import Any

import pyarrow.parquet as pq

from shared.engine.process.protocol import Commands, EngineError, Reporter
from shared.engine.text.answers import conversations
from shared.engine.text.samples import EncodedSample, RenderedSample
from shared.engine.text.template import ChatTemplate
from shared.engine.text.tokenizer import load_tokenizer

MAX_ROWS = 4_000
"""Rows that are tokenized; of a larger dataset, evenly spaced ones."""
BATCH_ROWS = 500

Length = tuple[int, int, int]
"""Tokens, trained tokens, tokens before the first trained one."""
Render = Callable[[dict[str, Any]], list[RenderedSample] | None]


def main(spec: dict[str, Any], reporter: Reporter, commands: Commands) -> dict[str, Any]:
    """Encode the rows, or an even sample of them, exactly as training does."""
    template = ChatTemplate.of(load_tokenizer(spec["model"]))
    stride = max(1, -(-spec["rows"] // MAX_ROWS))
    shards, skip, supervised = spec["shards"], spec.get("skip_unsupported", False), spec.get("supervised", False)
    render = partial(_render, template, skip_unsupported=skip, supervised=supervised)
    if not isinstance(shards, dict):
        return _result(*_count(template, shards, stride, reporter, render))
    parts = {split: _count(template, paths, stride, reporter, render) for split, paths in shards.items()}
    lengths = sum((part[0] for part in parts.values()), Counter[Length]())
    counted, refused = sum(part[1] for part in parts.values()), sum(part[2] for part in parts.values())
    return _result(lengths, counted, refused) | {"splits": {split: _result(*part) for split, part in parts.items()}}


def _count(
    template: ChatTemplate, shards: list[str], stride: int, reporter: Reporter, render: Render
) -> tuple[Counter[Length], int, int]:
    """Return the lengths, and how many rows were counted and refused."""
    lengths: Counter[Length] = Counter()
    counted = refused = 0
    rows = _every_nth_row(shards, stride)
    while batch := list(islice(rows, BATCH_ROWS)):
        rendered = [render(row) for row in batch]
        encoded = template.encode_all([sample for samples in rendered for sample in samples or ()])
        lengths.update(map(_measure, encoded))
        counted, refused = counted + len(batch), refused + rendered.count(None)
        reporter.progress(counted, None, "rows")
    return lengths, counted, refused


def _result(lengths: Counter[Length], counted: int, refused: int) -> dict[str, Any]:
    samples = [[*length, count] for length, count in sorted(lengths.items())]
    return {"counted": counted, "refused": refused, "samples": samples}


def _every_nth_row(shards: list[str], stride: int) -> Iterator[dict[str, Any]]:
    index = 0
    for path in shards:
        with pq.ParquetFile(path) as file:
            for batch in file.iter_batches(batch_size=512, columns=["row"]):
                for text in batch.column(0).to_pylist():
                    if index % stride == 0:
                        yield json.loads(text)
                    index += 1


def _render(
    template: ChatTemplate, row: dict[str, Any], *, skip_unsupported: bool, supervised: bool
) -> list[RenderedSample] | None:
    """None where the template refuses the row."""
    if skip_unsupported and template.missing_features(row):
        return []
    try:
        parts = conversations(row)[: 1 if supervised else None]  # the first is the chosen one
        return [sample for part in parts for sample in template.render_samples(part)]
    except EngineError:
        return None


def _measure(sample: EncodedSample) -> Length:
    spans = [(start, end) for start, end in sample.spans if start < end]
    first = min((start for start, _ in spans), default=len(sample))
    return len(sample), sum(end - start for start, end in spans), first
