"""Selects the rows of each step, splits them into micro-batches, and builds the tensors of a micro-batch.

The `packed` layout puts documents end to end in one row (attention/packed.py keeps them separate). The `padded` layout
batches documents of similar length, for models whose layers would mix packed documents.
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

_LENGTH_MULTIPLE = 64
_SAMPLED_STEPS = 20
"""The layout is chosen by the rows of the first steps; more of them do not change the average much."""


@dataclass(frozen=True)
class Sample:
    """A tokenized row: int64 token ids [tokens], and a boolean mask [tokens] of those that the loss covers."""

    ids: Tensor
    trained: Tensor

    def __len__(self) -> int:
        return len(self.ids)


@dataclass(frozen=True)
class MicroBatch:
    """Inputs of one forward pass, and `targets` [rows, kept columns] for the columns in `logits_to_keep`.

    Targets outside the loss are -100. `tokens` counts the documents' tokens, `trained` the predicted ones.
    """

    inputs: dict[str, Any]
    targets: Tensor
    tokens: int
    trained: int

    def to(self, device: torch.device) -> MicroBatch:
        """The micro-batch on another device."""
        inputs = {name: value.to(device) if isinstance(value, Tensor) else value for name, value in self.inputs.items()}
        return MicroBatch(inputs, self.targets.to(device), self.tokens, self.trained)


@dataclass
class Samples:
    """Tokenized rows of a split, truncated to `max_length` tokens.

    `rows` are the table's rows in use, `cut` those of them that are truncated; the rows `untrained` have no trained
    token and are not in use.
    """

    table: Table
    rows: np.ndarray
    lengths: np.ndarray
    max_length: int
    cut: np.ndarray
    untrained: np.ndarray

    @classmethod
    def from_table(cls, table: Table, max_length: int) -> Samples:
        """The rows of a split, truncated; a row without a trained token within `max_length` is skipped."""
        lengths = table.lengths
        usable = table.first_trained < np.minimum(lengths, max_length)
        return cls(
            table=table,
            rows=np.flatnonzero(usable),
            lengths=np.minimum(lengths[usable], max_length),
            max_length=max_length,
            cut=np.flatnonzero(usable & (lengths > max_length)),
            untrained=np.flatnonzero(~usable),
        )

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def skipped(self) -> int:
        """Tokenized rows that are not in use."""
        return len(self.untrained)

    def describe_skipped(self) -> str:
        """Which rows are not in use, and why."""
        return f"{len(self.untrained)} have no token to learn"

    @property
    def longest(self) -> int:
        """Tokens of the longest sample, the smallest possible micro-batch."""
        return int(self.lengths.max())

    def take(self, indices: Sequence[int]) -> list[Sample]:
        """These samples, in this order."""
        return [self.sample(int(self.rows[i])) for i in indices]

    def sample(self, row: int) -> Sample:
        """A row of the table, truncated."""
        return Sample(
            torch.from_numpy(self.table.ids(row, self.max_length).astype(np.int64)),
            torch.from_numpy(self.table.trained(row, self.max_length)),
        )


def choose_max_length(table: Table, limit: int) -> int:
    """The 99th percentile of the row lengths, rounded up to a multiple of 64, at most `limit` (the model's context)."""
    longest = int(np.percentile(table.lengths, 99, method="higher")) if len(table.lengths) else _LENGTH_MULTIPLE
    return min(limit, -(-longest // _LENGTH_MULTIPLE) * _LENGTH_MULTIPLE)


@lru_cache(maxsize=2)
def epoch_order(rows: int, seed: int, epoch: int) -> list[int]:
    """The order of the rows in an epoch: a pure function, so that a resumed run gets the same batches."""
    digest = hashlib.sha256(f"{seed}/{epoch}".encode()).digest()
    generator = torch.Generator().manual_seed(int.from_bytes(digest[:7]))
    return torch.randperm(rows, generator=generator).tolist()


def steps_per_epoch(rows: int, batch_size: int) -> int:
    """Optimizer steps that use every row once."""
    return -(-rows // batch_size)


def step_rows(rows: int, batch_size: int, seed: int, step: int) -> list[int]:
    """The rows of optimizer step `step` (from 0); an epoch's last step may have fewer."""
    epoch, within = divmod(step, steps_per_epoch(rows, batch_size))
    return epoch_order(rows, seed, epoch)[within * batch_size : (within + 1) * batch_size]


def first_steps_costs(lengths: Sequence[int], settings: Hyperparameters, budget: int) -> LayoutCosts:
    """The costs of both layouts in the first steps, for rows of these lengths and micro-batches of `budget` tokens."""
    steps = range(min(_SAMPLED_STEPS, settings.total_steps(len(lengths))) if lengths else 0)
    rows = [step_rows(len(lengths), settings.batch_size, settings.seed, step) for step in steps]
    return layout_costs([[lengths[row] for row in each] for each in rows], budget)


def split_among_processes(
    lengths: Sequence[int], budget: int, layout: BatchLayout, processes: int
) -> list[list[list[int]]]:
    """The micro-batches of each process, as indices of `lengths`: about equal tokens, equally many micro-batches.

    The processes synchronize in every micro-batch, so one with fewer of them gets empty ones.
    """
    indices: list[list[int]] = [[] for _ in range(processes)]
    tokens = [0] * processes
    # The longest row goes to the process with the fewest tokens: greedy scheduling, longest processing time first.
    for index in sorted(range(len(lengths)), key=lambda i: (-lengths[i], i)):
        least = tokens.index(min(tokens))
        indices[least].append(index)
        tokens[least] += lengths[index]
    splits = [
        [[rows[i] for i in group] for group in micro_batches([lengths[row] for row in rows], budget, layout)]
        for rows in map(sorted, indices)
    ]
    count = max(map(len, splits))
    return [groups + [[]] * (count - len(groups)) for groups in splits]


def micro_batches_of(
    samples: Samples, rows: Sequence[int], settings: Settings, ranks: Ranks = SINGLE_PROCESS
) -> Iterator[MicroBatch]:
    """This process's share of `rows` as micro-batches, built one at a time."""
    lengths = [int(samples.lengths[row]) for row in rows]
    groups = split_among_processes(lengths, settings.micro_batch_tokens, settings.layout, ranks.size)
    for group in groups[ranks.rank]:
        if group:
            yield collate(samples.take([rows[i] for i in group]), settings.layout)
        else:
            shortest = rows[lengths.index(min(lengths))]
            yield untrained_batch(samples.take([shortest])[0], settings.layout)


def collate(samples: Sequence[Sample], layout: BatchLayout) -> MicroBatch:
    """Build the tensors of a micro-batch. Targets are the inputs shifted by one token within each document."""
    inputs, targets = _pack(samples) if layout == "packed" else _pad(samples)
    tokens, trained = sum(map(len, samples)), sum(int(sample.trained[1:].sum()) for sample in samples)
    return MicroBatch(inputs, targets, tokens, trained)


def untrained_batch(sample: Sample, layout: BatchLayout) -> MicroBatch:
    """A micro-batch without trained tokens: it lets a process without rows join the collective operations."""
    batch = collate([sample], layout)
    return replace(batch, targets=torch.full_like(batch.targets, -100), tokens=0, trained=0)


def _pack(samples: Sequence[Sample]) -> tuple[dict[str, Any], Tensor]:
    """Inputs [1, tokens] with positions that restart in each document, and targets [1, trained tokens]."""
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


def _pad(samples: Sequence[Sample]) -> tuple[dict[str, Any], Tensor]:
    """Right-padded inputs [rows, longest]. Logits are computed for the columns that are trained in any row.

    The padding id does not matter: the attention mask hides it and the loss ignores it.
    """
    ids = _stack([sample.ids[:-1] for sample in samples], 0)
    attention = _stack([torch.ones(len(sample) - 1, dtype=torch.long) for sample in samples], 0)
    labels = _stack([sample.ids[1:].masked_fill(~sample.trained[1:], -100) for sample in samples], -100)
    columns = (labels != -100).any(0).nonzero()[:, 0]
    return {"input_ids": ids, "attention_mask": attention, "logits_to_keep": columns}, labels[:, columns]


def _stack(rows: list[Tensor], padding: int) -> Tensor:
    return torch.nn.utils.rnn.pad_sequence(rows, batch_first=True, padding_value=padding)
