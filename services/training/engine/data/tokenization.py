"""Tokenizes a dataset in one streaming pass over its shards, or reuses the tokens of an earlier job."""

from __future__ import annotations

import gc
import json
import multiprocessing
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from ctypes import c_long
from multiprocessing.context import ForkProcess
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

import torch

from services.training.engine.data.sample_prompts import CANDIDATES, candidates, evaluation_rows
from services.training.engine.data.skipped_rows import NOT_SHOWN, REFUSED, SkippedRows
from services.training.engine.data.token_store import TableWriter, is_valid, write_index
from services.training.engine.interrupts import Interrupts
from services.training.engine.spec import Data
from shared.engine.process.malloc import release_freed_memory, without_huge_pages
from shared.engine.process.protocol import EngineError, Reporter
from shared.engine.text.answers import conversation
from shared.engine.text.samples import RenderedSample
from shared.engine.text.template import ChatTemplate

if TYPE_CHECKING:
    import pyarrow.parquet as pq

_MIN_BYTES_PER_PROCESS = 8 << 20
"""Bytes of rows from which starting another process pays off."""
_BLOCK_BYTES = 1 << 20
"""Bytes of rows per block: larger blocks take more memory, smaller ones more time, since each has a fixed cost."""
_COLUMNS = ["row_id", "source", "row"]
_UNLIMITED = 1 << 40
_FORK = multiprocessing.get_context("fork")  # templates cannot be pickled; these processes never use torch

PAIRS = -1
"""Used in place of a window for preference rows: both answers become samples, one after the other."""

Group: TypeAlias = tuple[str, int]
"""A shard and one of its row groups."""
Part: TypeAlias = tuple[Path, str, Sequence[Group], ChatTemplate, int]
"""The arguments of `_write_part`: folder, name, row groups, template and window."""


def tokenize_dataset(
    dataset: Data, tokenizer: Any, window: int, workdir: Path, reporter: Reporter, interrupts: Interrupts
) -> Path:
    """The folder of a token store (data/token_store.py) with the splits `train` and `validation`.

    It is the cached one in the spec if that fits, or a new one. A new one is reported as
    {"kind": "tokens", "path", "template_hash", "window", "stop_ids"}, so that the service can cache it. Text longer
    than `window` tokens is split into several samples, so that all of it is trained on; conversations are not split.
    """
    template = ChatTemplate.of(tokenizer)
    made_with = {
        "template_hash": template.hash,
        "window": window if dataset.form == "text" or window == PAIRS else 0,
        "stop_ids": template.stop_ids,  # some are not in the hash, and a turn's span ends at them
    }
    if dataset.tokens and is_valid(Path(dataset.tokens), **made_with):
        reporter.log("info", "Using cached tokens of this dataset.")
        return Path(dataset.tokens)
    folder, started, skipped = workdir / "tokens", time.monotonic(), SkippedRows()
    with without_huge_pages():
        for split, shards in (("train", dataset.train), ("validation", dataset.validation)):
            skipped.merge(_tokenize_split(folder, split, shards, template, window, interrupts))
    write_index(folder, candidates(_prompt_rows(dataset.validation), template, tokenizer), skipped, **made_with)
    reporter.log("info", f"Tokenized the dataset in {time.monotonic() - started:.1f} seconds.")
    reporter.emit("tokens", path=str(folder), **made_with)
    return folder


def _tokenize_split(
    folder: Path, split: str, shards: Sequence[str], template: ChatTemplate, window: int, interrupts: Interrupts
) -> SkippedRows:
    """Write the table of a split; return the rows that are not in it.

    A large split is divided: this process writes the first share, workers the others.
    """
    groups, size = _row_groups(shards)
    workers = max(1, min(torch.get_num_threads(), size // _MIN_BYTES_PER_PROCESS, len(groups)))
    first, *shares = [groups[i * len(groups) // workers : (i + 1) * len(groups) // workers] for i in range(workers)]
    parts: list[Part] = [(folder, f"{split}-{i}", share, template, window) for i, share in enumerate(shares)]
    blocks = _FORK.RawValue(c_long)
    with TableWriter(folder, split) as writer, _worker_processes(parts, blocks) as processes:
        skipped, seen = _write(writer, first, template, window, interrupts.check), 0
        for process, part in zip(processes, parts, strict=True):
            while process.is_alive():
                interrupts.check(proceeds=seen != blocks.value)
                seen = blocks.value
                process.join(0.1)
            if process.exitcode:  # repeat the work in this process, to raise the error here
                _write_part(*part, interrupts.check)
            writer.append_table(folder, part[1])
            skipped.merge(_take_skipped(folder, part[1]))
    return skipped


@contextmanager
def _worker_processes(parts: Sequence[Part], blocks: c_long) -> Iterator[list[ForkProcess]]:
    """A forked process for each part, which changes `blocks` with every block of rows; none outlives the context."""
    processes = [_FORK.Process(target=_run_worker, args=(part, blocks), daemon=True) for part in parts]
    if parts:
        parts[0][3].encode_all([])  # load lazy parts once, before the fork
        gc.collect()
        gc.freeze()  # the collector would write to shared pages and make the kernel copy them
        release_freed_memory()
    try:
        for process in processes:
            process.start()
        yield processes
    finally:
        for process in processes:
            process.kill()
            process.join()
        gc.unfreeze()


def _run_worker(part: Part, blocks: c_long) -> None:
    def count() -> None:
        blocks.value += 1

    try:
        _write_part(*part, count)
    except Exception:
        sys.exit(1)


def _write_part(
    folder: Path, name: str, groups: Sequence[Group], template: ChatTemplate, window: int, on_block: Callable[[], None]
) -> None:
    with TableWriter(folder, name) as writer:
        _write(writer, groups, template, window, on_block).save(_skipped_of_part(folder, name))


def _skipped_of_part(folder: Path, name: str) -> Path:
    return folder / f"{name}.skipped"


def _take_skipped(folder: Path, name: str) -> SkippedRows:
    """Read the rows that a worker has skipped, and delete its file."""
    path = _skipped_of_part(folder, name)
    skipped = SkippedRows.read(path)
    path.unlink()
    return skipped


def _write(
    writer: TableWriter, groups: Sequence[Group], template: ChatTemplate, window: int, on_block: Callable[[], None]
) -> SkippedRows:
    skipped = SkippedRows()
    for rows in _rows(groups):
        on_block()
        texts = [
            (id, rendered) for id, source, row in rows for rendered in _rendered(source, row, template, window, skipped)
        ]
        samples = template.encode_all([rendered.sample for _, rendered in texts])
        for (row_id, rendered), sample in zip(texts, samples, strict=True):
            for start in range(0, len(sample), rendered.limit):
                writer.add(row_id, sample.slice(start, start + rendered.limit), rendered.desirable)
    return skipped


def _row_groups(shards: Sequence[str]) -> tuple[list[Group], int]:
    """All row groups of the shards in order, and the total bytes of their rows."""
    groups: list[Group] = []
    size = 0
    for shard in shards:
        with _open(shard) as file:
            groups += [(shard, group) for group in range(file.metadata.num_row_groups)]
            size += sum(file.metadata.row_group(group).total_byte_size for group in range(file.metadata.num_row_groups))
    return groups, size


def _rows(groups: Sequence[Group]) -> Iterator[Iterator[tuple[int, str, str]]]:
    """Blocks of (row_id, source, row as JSON) of the row groups."""
    import pyarrow as pa

    for shard, group in groups:
        with _open(shard) as file:
            size = _rows_per_block(file.metadata.row_group(group))
            for batch in file.iter_batches(size, row_groups=[group], columns=_COLUMNS, use_threads=False):
                yield zip(*(batch[name].to_pylist() for name in _COLUMNS), strict=True)
                pa.default_memory_pool().release_unused()


def _rows_per_block(group: Any) -> int:
    """Rows per block, so that a row group's blocks are of equal size."""
    blocks = max(1, -(-group.total_byte_size // _BLOCK_BYTES))
    return max(1, -(-group.num_rows // blocks))


def _prompt_rows(shards: Sequence[str]) -> Iterator[str]:
    """The first of the evaluation rows, as JSON; reads only the row groups that contain them."""
    groups = [(shard, group, rows) for shard in shards for group, rows in enumerate(_group_sizes(shard))]
    positions, first = evaluation_rows(sum(rows for _, _, rows in groups))[:CANDIDATES], 0
    for shard, group, rows in groups:
        if indices := [position - first for position in positions if first <= position < first + rows]:
            with _open(shard) as file:
                column = file.read_row_group(group, columns=["row"])["row"]
                yield from (column[index].as_py() for index in indices)
        first += rows


def _group_sizes(shard: str) -> list[int]:
    with _open(shard) as file:
        return [file.metadata.row_group(group).num_rows for group in range(file.metadata.num_row_groups)]


def _open(shard: str) -> pq.ParquetFile:
    """Open a Parquet file. pyarrow is imported here, because a job that reuses cached tokens does not need it."""
    import pyarrow.parquet as pq

    return pq.ParquetFile(shard)


class Rendered(NamedTuple):
    """A rendered sample, the most tokens that one sample may have, and whether its answer is desirable."""

    sample: RenderedSample
    limit: int
    desirable: bool


def _rendered(source: str, text: str, template: ChatTemplate, window: int, skipped: SkippedRows) -> list[Rendered]:
    """The rendered samples of a row (JSON): none if the template cannot show the row or refuses it.

    Raises EngineError `bad_data` with the row's source, such as `upload.jsonl:17`, if it is no row at all.
    """
    try:
        row = json.loads(text)
        if missing := template.missing_features(row):
            skipped.add(NOT_SHOWN, source, sorted(missing))
            return []
        limit, desirable = window if "text" in row else _UNLIMITED, row.get("label") is not False
        return [Rendered(sample, limit, desirable) for sample in _render(row, template, window)]
    except EngineError as error:
        skipped.add(REFUSED, source, [error.detail])
        return []
    except (ValueError, KeyError, TypeError) as error:
        detail, remedy = (
            f"{source} is not a valid training row: {error!r}",
            "Correct or remove it, and upload the data again.",
        )
        raise EngineError("bad_data", detail, row=source, remedy=remedy) from error


def _render(row: dict[str, Any], template: ChatTemplate, window: int) -> list[RenderedSample]:
    """Render a row; several samples if the template rewrites earlier turns."""
    if window == PAIRS:  # a pair needs one sample per answer: the last has the answer's last turn
        return [template.render_samples(conversation(row, answer))[-1] for answer in ("chosen", "rejected")]
    if "completion" in row:
        return template.render_samples(conversation(row, "completion"))[-1:]
    if "chosen" in row:  # supervised training learns the chosen answer of a preference pair
        row = conversation(row, "chosen")
    return template.render_samples(row)


def source_of(shards: Sequence[str], row_id: int) -> str | None:
    """Where a row of a split comes from, such as `upload.jsonl:17`."""
    import pyarrow.parquet as pq

    for shard in shards:
        if found := pq.read_table(shard, columns=["source"], filters=[("row_id", "=", row_id)])["source"].to_pylist():
            return str(found[0])
    return None
