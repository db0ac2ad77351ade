"""Which rows make a step, which of them are computed together, and the tensors of such a micro-batch.

`packed` lays documents end to end in one row (engine/attention.py keeps them apart); `padded` puts documents of like
length side by side, for models whose layers cannot tell documents apart.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from torch import Tensor

from services.training.engine.data.packing import LayoutCosts, layout_costs, micro_batches
from services.training.engine.data.token_store import Table
from services.training.engine.distributed.ranks import SINGLE_PROCESS, Ranks
from services.training.engine.spec import BatchLayout, Hyperparameters, Settings

_GRAIN = 64
_COSTED_STEPS = 20
"""Steps whose rows decide the layout."""


@dataclass(frozen=True)
class Sample:
    """A row ready to learn: token ids, and which of them are trained (same length)."""

    ids: Tensor
    trained: Tensor

    def __len__(self) -> int:
        return len(self.ids)


@dataclass(frozen=True)
class MicroBatch:
    """Inputs of one forward pass; `targets` [rows, kept columns] belong to the columns that `logits_to_keep` names.

    Targets that are not trained are -100. `tokens` counts those of the documents, `trained` those predicted.
    """

    inputs: dict[str, Any]
    targets: Tensor
    tokens: int
    trained: int

    def to(self, device: torch.device) -> MicroBatch:
        """The same on another device."""
        inputs = {name: value.to(device) if isinstance(value, Tensor) else value for name, value in self.inputs.items()}
        return MicroBatch(inputs, self.targets.to(device), self.tokens, self.trained)


@dataclass
class Samples:
    """Tokenized rows of a split, each cut to `max_length` tokens. `skipped` rows had no trained token left."""

    table: Table
    kept: np.ndarray
    lengths: np.ndarray
    max_length: int
    truncated: int
    skipped: int

    @classmethod
    def from_table(cls, table: Table, max_length: int) -> Samples:
        """The rows of a split cut to `max_length` tokens; rows without a trained token left are skipped and counted."""
        lengths = table.lengths
        kept = np.flatnonzero(table.first < np.minimum(lengths, max_length))
        return cls(
            table=table,
            kept=kept,
            lengths=np.minimum(lengths[kept], max_length),
            max_length=max_length,
            truncated=int((lengths[kept] > max_length).sum()),
            skipped=len(lengths) - len(kept),
        )

    def __len__(self) -> int:
        return len(self.kept)

    @property
    def longest(self) -> int:
        """Tokens of the longest sample: fewer cannot be computed at once."""
        return int(self.lengths.max())

    def take(self, indices: Sequence[int]) -> list[Sample]:
        """These samples, in this order."""
        return [self.sample(int(self.kept[i])) for i in indices]

    def sample(self, row: int) -> Sample:
        """A row of the table, cut."""
        return Sample(
            torch.from_numpy(self.table.ids(row, self.max_length).astype(np.int64)),
            torch.from_numpy(self.table.trained(row, self.max_length)),
        )


def choose_max_length(table: Table, limit: int) -> int:
    """The 99th percentile of the rows' lengths, rounded up to 64, at most what the model takes."""
    longest = int(np.percentile(table.lengths, 99, method="higher")) if len(table.lengths) else _GRAIN
    return min(limit, -(-longest // _GRAIN) * _GRAIN)


@lru_cache(maxsize=2)
def epoch_order(rows: int, seed: int, epoch: int) -> list[int]:
    """The rows in the order of that epoch: a pure function, so that a resumed run meets the same batches."""
    digest = hashlib.sha256(f"{seed}/{epoch}".encode()).digest()
    generator = torch.Generator().manual_seed(int.from_bytes(digest[:7]))
    return torch.randperm(rows, generator=generator).tolist()


def steps_per_epoch(rows: int, batch_size: int) -> int:
    """Optimizer steps in which every row has its turn once."""
    return -(-rows // batch_size)


def step_rows(rows: int, batch_size: int, seed: int, step: int) -> list[int]:
    """The rows of optimizer step `step` (from 0); an epoch's last step may have fewer."""
    epoch, within = divmod(step, steps_per_epoch(rows, batch_size))
    return epoch_order(rows, seed, epoch)[within * batch_size : (within + 1) * batch_size]


def first_steps_costs(lengths: Sequence[int], settings: Hyperparameters, budget: int) -> LayoutCosts:
    """What both layouts cost in the first steps over rows of these lengths."""
    steps = range(min(_COSTED_STEPS, settings.total_steps(len(lengths))) if lengths else 0)
    rows = [step_rows(len(lengths), settings.batch_size, settings.seed, step) for step in steps]
    return layout_costs([[lengths[row] for row in each] for each in rows], budget)


def shares(lengths: Sequence[int], budget: int, layout: BatchLayout, processes: int) -> list[list[list[int]]]:
    """For each process its micro-batches of these rows: about as many tokens for each, and as many micro-batches.

    Processes meet at every micro-batch. One that has fewer rows than the others gets empty ones.
    """
    dealt: list[list[int]] = [[] for _ in range(processes)]
    tokens = [0] * processes
    for index in sorted(range(len(lengths)), key=lambda i: (-lengths[i], i)):
        least = tokens.index(min(tokens))
        dealt[least].append(index)
        tokens[least] += lengths[index]
    found = [
        [[rows[i] for i in group] for group in micro_batches([lengths[row] for row in rows], budget, layout)]
        for rows in map(sorted, dealt)
    ]
    most = max(map(len, found))
    return [groups + [[]] * (most - len(groups)) for groups in found]


def micro_batches_of(
    samples: Samples, rows: Sequence[int], settings: Settings, ranks: Ranks = SINGLE_PROCESS
) -> Iterator[MicroBatch]:
    """This process's share of `rows` as micro-batches, each built when it is needed."""
    lengths = [int(samples.lengths[row]) for row in rows]
    for group in shares(lengths, settings.micro_batch_tokens, settings.layout, ranks.size)[ranks.rank]:
        if group:
            yield collate(samples.take([rows[i] for i in group]), settings.layout)
        else:
            shortest = rows[lengths.index(min(lengths))]
            yield stand_in(samples.take([shortest])[0], settings.layout)


def collate(samples: Sequence[Sample], layout: BatchLayout) -> MicroBatch:
    """The tensors of a micro-batch. A token is predicted from the one before it: a document's last is no input."""
    inputs, targets = _packed(samples) if layout == "packed" else _padded(samples)
    tokens, trained = sum(map(len, samples)), sum(int(sample.trained[1:].sum()) for sample in samples)
    return MicroBatch(inputs, targets, tokens, trained)


def stand_in(sample: Sample, layout: BatchLayout) -> MicroBatch:
    """A micro-batch that teaches nothing, for a process that would otherwise be missed by the others."""
    batch = collate([sample], layout)
    return replace(batch, targets=torch.full_like(batch.targets, -100), tokens=0, trained=0)


def _packed(samples: Sequence[Sample]) -> tuple[dict[str, Any], Tensor]:
    lengths = [len(sample) - 1 for sample in samples]
    trained = torch.cat([sample.trained[1:] for sample in samples])
    targets = torch.cat([sample.ids[1:] for sample in samples])
    inputs = {
        "input_ids": torch.cat([sample.ids[:-1] for sample in samples])[None],
        "position_ids": torch.cat([torch.arange(length) for length in lengths])[None],
        "document_lengths": lengths,
        "logits_to_keep": trained.nonzero()[:, 0],
    }
    return inputs, targets[trained][None]


def _padded(samples: Sequence[Sample]) -> tuple[dict[str, Any], Tensor]:
    """Right-padded; the padding id is never looked at. Columns kept are those that any row is trained on."""
    ids = _stack([sample.ids[:-1] for sample in samples], 0)
    attention = _stack([torch.ones(len(sample) - 1, dtype=torch.long) for sample in samples], 0)
    labels = _stack([sample.ids[1:].masked_fill(~sample.trained[1:], -100) for sample in samples], -100)
    columns = (labels != -100).any(0).nonzero()[:, 0]
    return {"input_ids": ids, "attention_mask": attention, "logits_to_keep": columns}, labels[:, columns]


def _stack(rows: list[Tensor], padding: int) -> Tensor:
    return torch.nn.utils.rnn.pad_sequence(rows, batch_first=True, padding_value=padding)
