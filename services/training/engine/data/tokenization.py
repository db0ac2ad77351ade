"""The dataset as token ids: one streaming pass over its shards, or what an earlier job made of them."""

from __future__ import annotations

import gc
import json
import multiprocessing
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from multiprocessing.context import ForkProcess
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import torch

from services.training.engine.data.sample_prompts import CANDIDATES, candidates, evaluation_rows
from services.training.engine.data.token_store import TableWriter, fits, seal
from services.training.engine.interrupts import Interrupts
from services.training.engine.spec import Data
from shared.engine.process.malloc import release_freed_memory, without_huge_pages
from shared.engine.process.protocol import EngineError, Reporter
from shared.engine.text.samples import RenderedSample
from shared.engine.text.template import ChatTemplate

if TYPE_CHECKING:
    import pyarrow.parquet as pq

_WORTH_A_PROCESS = 8 << 20
"""Bytes of rows below which another process would not pay for its start."""
_AT_ONCE = 1 << 20
"""Bytes of rows in a block: more of them cost memory, fewer cost time, since each has to lay out what is remembered."""
_COLUMNS = ["row_id", "source", "row"]
_WHOLE = 1 << 40
_FORK = multiprocessing.get_context("fork")  # templates cannot be pickled; these processes never touch torch

PAIRS = -1
"""Instead of a window: of a preference row both answers are wanted, one sample after the other."""

Group: TypeAlias = tuple[str, int]
"""A shard and one of its row groups."""
Part: TypeAlias = tuple[Path, str, Sequence[Group], ChatTemplate, int]
"""Folder, name, row groups, template and window: what `_write_part` wants to know."""


def tokenize_dataset(
    dataset: Data, tokenizer: Any, window: int, workdir: Path, reporter: Reporter, interrupts: Interrupts
) -> Path:
    """A folder of tokens.py with the splits `train` and `validation`: the one that the spec brings, or a new one.

    A new one is announced as {"kind": "tokens", "path", "template_hash", "window"}, for others to use. Text longer
    than `window` tokens becomes several samples, since all of it is to be learned; conversations are kept whole.
    """
    template = ChatTemplate.of(tokenizer)
    made_with = {"template_hash": template.hash, "window": window if dataset.form == "text" or window == PAIRS else 0}
    if dataset.tokens and fits(Path(dataset.tokens), **made_with):
        reporter.log("info", "The dataset's tokens were there already.")
        return Path(dataset.tokens)
    folder, began = workdir / "tokens", time.monotonic()
    with without_huge_pages():
        for split, shards in (("train", dataset.train), ("validation", dataset.validation)):
            _tokenize_split(folder, split, shards, template, window, interrupts)
    seal(folder, candidates(_evaluated(dataset.validation), template, tokenizer), **made_with)
    reporter.log("info", f"The dataset was tokenized in {time.monotonic() - began:.1f} seconds.")
    reporter.emit("tokens", path=str(folder), **made_with)
    return folder


def _tokenize_split(
    folder: Path, split: str, shards: Sequence[str], template: ChatTemplate, window: int, interrupts: Interrupts
) -> None:
    """Write the table of a split; of a large one this process writes the first share, and others one each beside it."""
    groups, size = _groups(shards)
    workers = max(1, min(torch.get_num_threads(), size // _WORTH_A_PROCESS, len(groups)))
    first, *shares = [groups[i * len(groups) // workers : (i + 1) * len(groups) // workers] for i in range(workers)]
    parts: list[Part] = [(folder, f"{split}-{i}", share, template, window) for i, share in enumerate(shares)]
    with TableWriter(folder, split) as writer, _beside(parts) as processes:
        _write(writer, first, template, window, interrupts)
        for process, part in zip(processes, parts, strict=True):
            while process.is_alive():
                interrupts.check()
                process.join(0.1)
            if process.exitcode:  # again, here, where its error can be raised
                _write_part(*part, interrupts)
            writer.append(folder, part[1])


@contextmanager
def _beside(parts: Sequence[Part]) -> Iterator[list[ForkProcess]]:
    """A process for each part; none of them outlives the context."""
    processes = [_FORK.Process(target=_quietly, args=(part,), daemon=True) for part in parts]
    if parts:
        parts[0][3].encode_all([])  # what it loads is then loaded once
        gc.collect()
        gc.freeze()  # what the collector does not touch stays shared between the processes
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


def _quietly(part: Part) -> None:
    try:
        _write_part(*part, None)
    except Exception:
        sys.exit(1)


def _write_part(
    folder: Path, name: str, groups: Sequence[Group], template: ChatTemplate, window: int, ask: Interrupts | None
) -> None:
    with TableWriter(folder, name) as writer:
        _write(writer, groups, template, window, ask)


def _write(
    writer: TableWriter, groups: Sequence[Group], template: ChatTemplate, window: int, ask: Interrupts | None
) -> None:
    for rows in _rows(groups):
        if ask:
            ask.check()
        texts = [(id, *found) for id, source, row in rows for found in _marked(source, row, template, window)]
        samples = template.encode_all([text for _, text, _ in texts])
        for (row_id, _, size), sample in zip(texts, samples, strict=True):
            for start in range(0, len(sample), size):
                writer.add(row_id, sample.slice(start, start + size))


def _groups(shards: Sequence[str]) -> tuple[list[Group], int]:
    """All row groups in order, and the bytes of their rows."""
    found: list[Group] = []
    size = 0
    for shard in shards:
        with _open(shard) as file:
            found += [(shard, group) for group in range(file.metadata.num_row_groups)]
            size += sum(file.metadata.row_group(group).total_byte_size for group in range(file.metadata.num_row_groups))
    return found, size


def _rows(groups: Sequence[Group]) -> Iterator[Iterator[tuple[int, str, str]]]:
    """(row_id, source, row as JSON) of row groups, some at a time."""
    import pyarrow as pa

    for shard, group in groups:
        with _open(shard) as file:
            size = _block(file.metadata.row_group(group))
            for batch in file.iter_batches(size, row_groups=[group], columns=_COLUMNS, use_threads=False):
                yield zip(*(batch[name].to_pylist() for name in _COLUMNS), strict=True)
                pa.default_memory_pool().release_unused()


def _block(group: Any) -> int:
    """Rows of a row group in each of its blocks, which are of one size."""
    blocks = max(1, -(-group.total_byte_size // _AT_ONCE))
    return max(1, -(-group.num_rows // blocks))


def _evaluated(shards: Sequence[str]) -> Iterator[str]:
    """The first rows, as JSON, that evaluations look at; only the row groups that hold them are read."""
    groups = [(shard, group, rows) for shard in shards for group, rows in enumerate(_group_sizes(shard))]
    wanted, first = evaluation_rows(sum(rows for _, _, rows in groups))[:CANDIDATES], 0
    for shard, group, rows in groups:
        if here := [position - first for position in wanted if first <= position < first + rows]:
            with _open(shard) as file:
                column = file.read_row_group(group, columns=["row"])["row"]
                yield from (column[position].as_py() for position in here)
        first += rows


def _group_sizes(shard: str) -> list[int]:
    with _open(shard) as file:
        return [file.metadata.row_group(group).num_rows for group in range(file.metadata.num_row_groups)]


def _open(shard: str) -> pq.ParquetFile:
    """pyarrow is imported only where there is something to tokenize: the second job on a dataset never needs it."""
    import pyarrow.parquet as pq

    return pq.ParquetFile(shard)


def _marked(source: str, text: str, template: ChatTemplate, window: int) -> list[tuple[RenderedSample, int]]:
    """What is learned of a row, and the most tokens of it in a sample.

    Raises EngineError naming where the row came from, such as `upload.jsonl:17`.
    """
    try:
        row = json.loads(text)
        return [(marked, window if "text" in row else _WHOLE) for marked in _texts_of(row, template, window)]
    except EngineError as error:
        raise EngineError(error.code, f"{source}: {error.detail}", **{**error.fields, "row": source}) from error
    except (ValueError, KeyError, TypeError) as error:
        detail, remedy = (
            f"{source} is no row to train on: {error!r}",
            "Correct or remove it, and upload the data again.",
        )
        raise EngineError("bad_data", detail, row=source, remedy=remedy) from error


def _texts_of(row: dict[str, Any], template: ChatTemplate, window: int) -> list[RenderedSample]:
    """Usually one."""
    if window == PAIRS:  # where a template rewrites earlier turns, an answer's last turn
        return [template.render_samples(_answered(row, answer))[-1] for answer in ("chosen", "rejected")]
    if "chosen" in row:  # of a preference pair the preferred answer is what supervised training can learn
        row = _answered(row, "chosen")
    return template.render_samples(row)


def _answered(row: Mapping[str, Any], answer: str) -> dict[str, Any]:
    prompt = row["messages"]
    return {"messages": [*prompt, *row[answer]], "tools": row.get("tools"), "train_from": len(prompt)}
