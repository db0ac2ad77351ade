"""The dataset as token ids: `datasets` memory-maps the shards and what comes of them, so memory stays flat."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import datasets
import numpy as np
import torch

from services.training.engine.batches import Sample
from services.training.engine.interrupts import Interrupts
from shared.engine.template import ChatTemplate

Table: TypeAlias = datasets.Dataset
TEXT_WINDOW = 2048
"""Tokens into which long texts are cut where nobody asked for another length."""
_GRAIN = 64


@dataclass
class Samples:
    """Tokenised rows of a split, each cut to `max_length` tokens. `aside` rows had nothing left to train."""

    table: Table
    kept: np.ndarray
    lengths: np.ndarray
    max_length: int
    truncated: int
    aside: int

    def __len__(self) -> int:
        return len(self.kept)

    def take(self, indices: Sequence[int]) -> list[Sample]:
        """These samples, in this order."""
        rows = self.table[[int(self.kept[i]) for i in indices]]
        return [
            Sample(
                torch.from_numpy(ids[: self.max_length].astype(np.int64)), torch.from_numpy(trained[: self.max_length])
            )
            for ids, trained in zip(rows["input_ids"], rows["trained"], strict=True)
        ]


def tokenise(shards: Sequence[str], template: ChatTemplate, window: int, cache: Path, interrupts: Interrupts) -> Table:
    """Columns input_ids, trained, length, first_trained, row_id of every sample; kept in `cache` for a next attempt.

    Text longer than `window` tokens becomes several samples, since all of it is to be learned.
    """
    if not shards:
        return datasets.Dataset.from_dict(
            {"input_ids": [], "trained": [], "length": [], "first_trained": [], "row_id": []}
        )
    datasets.disable_progress_bars()
    table = datasets.Dataset.from_parquet(list(shards), cache_dir=str(cache))

    def encode(batch: dict[str, list[Any]]) -> dict[str, list[Any]]:
        interrupts.check()
        pairs = zip(batch["row_id"], batch["row"], strict=True)
        samples = [(i, *sample) for i, row in pairs for sample in _samples(json.loads(row), template, window)]
        return {
            "row_id": [row_id for row_id, _, _ in samples],
            "input_ids": [ids for _, ids, _ in samples],
            "trained": [trained for _, _, trained in samples],
            "length": [len(ids) for _, ids, _ in samples],
            "first_trained": [_first_predicted(trained) for _, _, trained in samples],
        }

    return table.map(
        encode,
        batched=True,
        batch_size=200,
        remove_columns=table.column_names,
        features=_FEATURES,
        new_fingerprint=_fingerprint(shards, template, window),
        cache_file_name=str(cache / f"{_fingerprint(shards, template, window)}.arrow"),
    ).with_format("numpy")


_FEATURES = datasets.Features(
    {
        "row_id": datasets.Value("int64"),
        "input_ids": datasets.List(datasets.Value("int32")),
        "trained": datasets.List(datasets.Value("bool")),
        "length": datasets.Value("int32"),
        "first_trained": datasets.Value("int32"),
    }
)
_NEVER = 2**31 - 1


def _samples(row: dict[str, Any], template: ChatTemplate, window: int) -> Iterator[tuple[list[int], list[bool]]]:
    if "chosen" in row:  # of a preference pair the preferred answer is what supervised training can learn
        prompt = row["messages"]
        row = {"messages": [*prompt, *row["chosen"]], "tools": row.get("tools"), "train_from": len(prompt)}
    for sample in template.expand(row):
        encoded = template.encode(sample)
        size = window if "text" in sample else max(1, len(encoded.input_ids))
        for start in range(0, len(encoded.input_ids), size):
            yield encoded.input_ids[start : start + size], encoded.trained[start : start + size]


def _first_predicted(trained: Sequence[bool]) -> int:
    """Index of the first trained token that another one stands before; without one nothing is learned."""
    return next((i for i, learn in enumerate(trained) if learn and i > 0), _NEVER)


def _fingerprint(shards: Sequence[str], template: ChatTemplate, window: int) -> str:
    files = [(path, Path(path).stat().st_size, Path(path).stat().st_mtime_ns) for path in shards]
    return hashlib.sha256(json.dumps([1, files, template.hash, window]).encode()).hexdigest()[:32]


def choose_max_length(table: Table, limit: int) -> int:
    """The 99th percentile of the rows' lengths, rounded up to 64, at most what the model takes."""
    lengths = np.asarray(table["length"])
    longest = int(np.percentile(lengths, 99, method="higher")) if len(lengths) else _GRAIN
    return min(limit, -(-longest // _GRAIN) * _GRAIN)


def cut(table: Table, max_length: int) -> Samples:
    """The split with rows cut to `max_length`; rows left without a trained token are set aside and counted."""
    lengths, first = np.asarray(table["length"]), np.asarray(table["first_trained"])
    kept = np.flatnonzero(first < np.minimum(lengths, max_length))
    return Samples(
        table=table,
        kept=kept,
        lengths=np.minimum(lengths[kept], max_length),
        max_length=max_length,
        truncated=int((lengths[kept] > max_length).sum()),
        aside=len(lengths) - len(kept),
    )
