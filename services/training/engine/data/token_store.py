"""Tokenized rows on disk: written in one pass, memory-mapped by every job that trains on the same data.

A folder holds three flat files for each split, the validation prompts, and an index that is written last:

- `<split>.tokens`: ids of all samples end to end
- `<split>.spans`: the trained spans [start, end) of each sample, in tokens from the sample's start
- `<split>.samples`: a record per sample (`SAMPLE`)
- `prompts.json`: candidates for the prompts that evaluations answer
- `skipped.json`: the rows that the chat template cannot show or refuses (skipped_rows.py)
- `index.json`: format, the settings that the files depend on, and the files' sizes
"""

from __future__ import annotations

import json
import os
import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from services.training.engine.data.skipped_rows import SkippedRows
from shared.engine.text.bpe_cache import ID_DTYPE
from shared.engine.text.samples import EncodedSample

FORMAT = 2
SPAN = np.dtype(("<i4", 2))
SAMPLE = np.dtype([("row_id", "<i8"), ("end", "<i8"), ("spans_end", "<i8"), ("first", "<i4"), ("label", "<i4")])
"""The dataset row, the ends of the sample's tokens and spans in their files, its first predicted token (the first
trained one that has a token before it), and 0 if the sample is an undesirable answer, else 1."""
NO_TRAINED_TOKEN = 2**31 - 1
"""`first` of a sample without a predicted token: the largest int32, so it lies outside any `max_length`."""
_SPAN, _SAMPLE = struct.Struct("<ii"), struct.Struct("<qqqii")
"""SPAN and SAMPLE for single records; NumPy is slower at these."""
_INDEX, _PROMPTS, _SKIPPED = "index.json", "prompts.json", "skipped.json"
_KINDS = {"tokens": ID_DTYPE, "spans": SPAN, "samples": SAMPLE}


@dataclass(frozen=True)
class Table:
    """A split's samples as memory-mapped arrays: tokens [n], spans [m, 2], samples [rows]."""

    tokens: np.ndarray
    spans: np.ndarray
    samples: np.ndarray

    @classmethod
    def open(cls, folder: Path, split: str) -> Table:
        """Map the files of a split."""
        return cls(**{kind: _map_file(folder / f"{split}.{kind}", dtype) for kind, dtype in _KINDS.items()})

    @cached_property
    def lengths(self) -> np.ndarray:
        """Tokens of each sample."""
        return np.diff(self.samples["end"], prepend=0)

    @property
    def first_trained(self) -> np.ndarray:
        """Index of each sample's first predicted token, or NO_TRAINED_TOKEN."""
        return self.samples["first"]

    def ids(self, row: int, max_length: int) -> np.ndarray:
        """The token ids of a sample, truncated to `max_length`."""
        end = int(self.samples["end"][row])
        begin = end - int(self.lengths[row])
        return self.tokens[begin : min(end, begin + max_length)]

    def trained(self, row: int, max_length: int) -> np.ndarray:
        """Whether each of these tokens is trained."""
        flags = np.zeros(min(max_length, int(self.lengths[row])), bool)
        begin = int(self.samples["spans_end"][row - 1]) if row else 0
        for start, end in self.spans[begin : int(self.samples["spans_end"][row])]:
            flags[start:end] = True
        return flags


class TableWriter:
    """Context manager that appends samples to the files of a split."""

    def __init__(self, folder: Path, split: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._files = {kind: (folder / f"{split}.{kind}").open("wb", buffering=1 << 17) for kind in _KINDS}
        self._tokens = self._spans = 0

    def __enter__(self) -> TableWriter:
        return self

    def __exit__(self, *_: object) -> None:
        for file in self._files.values():
            file.close()

    def add(self, row_id: int, sample: EncodedSample, desirable: bool = True) -> None:
        """Append a sample, without its empty spans."""
        spans = [span for span in sample.spans if span[0] < span[1]]
        first = next((max(start, 1) for start, end in spans if end > max(start, 1)), NO_TRAINED_TOKEN)
        self._tokens, self._spans = self._tokens + len(sample), self._spans + len(spans)
        self._files["tokens"].write(sample.id_bytes)
        self._files["spans"].write(b"".join(_SPAN.pack(*span) for span in spans))
        self._files["samples"].write(_SAMPLE.pack(row_id, self._tokens, self._spans, first, desirable))

    def append_table(self, folder: Path, split: str) -> None:
        """Append the samples of another table and delete its files."""
        part = Table.open(folder, split)
        for first in range(0, len(part.samples), 1 << 16):
            samples = np.array(part.samples[first : first + (1 << 16)])
            samples["end"] += self._tokens
            samples["spans_end"] += self._spans
            self._files["samples"].write(samples.tobytes())
        for kind in ("tokens", "spans"):
            for block in _read_blocks(folder / f"{split}.{kind}"):
                self._files[kind].write(block)
        self._tokens, self._spans = self._tokens + len(part.tokens), self._spans + len(part.spans)
        for kind in _KINDS:
            (folder / f"{split}.{kind}").unlink()


def write_index(folder: Path, prompts: Sequence[dict[str, Any]], skipped: SkippedRows, **made_with: Any) -> None:
    """Complete a folder: write the prompts and the skipped rows, then the index, which makes it valid.

    `made_with` are the settings used.
    """
    (folder / _PROMPTS).write_text(json.dumps(list(prompts)), "utf-8")
    skipped.save(folder / _SKIPPED)
    sizes = {path.name: path.stat().st_size for path in sorted(folder.iterdir())}
    draft = folder / f".{_INDEX}"
    draft.write_text(json.dumps({"format": FORMAT, **made_with, "sizes": sizes}, sort_keys=True), "utf-8")
    os.replace(draft, folder / _INDEX)


def is_valid(folder: Path, **made_with: Any) -> bool:
    """Whether the folder is complete and was made in this format with these settings."""
    try:
        index = json.loads((folder / _INDEX).read_text("utf-8"))
        sizes = index.pop("sizes")
        return index == {"format": FORMAT, **made_with} and all(
            (folder / name).stat().st_size == size for name, size in sizes.items()
        )
    except (OSError, ValueError, KeyError, AttributeError):
        return False


def read_prompts(folder: Path) -> list[dict[str, Any]]:
    """The validation prompts of a complete folder."""
    return json.loads((folder / _PROMPTS).read_text("utf-8"))


def read_skipped(folder: Path) -> SkippedRows:
    """The rows of a complete folder's dataset that were skipped."""
    return SkippedRows.read(folder / _SKIPPED)


def _map_file(path: Path, dtype: np.dtype) -> np.ndarray:
    if path.stat().st_size == 0:  # an empty file cannot be mapped
        return np.empty((0,), dtype)
    return np.memmap(path, dtype, "r")


def _read_blocks(path: Path) -> Iterable[bytes]:
    with path.open("rb") as file:
        while block := file.read(1 << 22):
            yield block
