"""Multi-LoRA: batches rows of several adapters over one base model, with two batched matrix products per layer.

The products need the rows grouped by adapter, equally many per adapter. Rows in another order are moved, because
rows are small and change often, while adapter weights are large. peft's own `adapter_names` loops over the adapters in
every layer and was slower (docs/experiments.md).
"""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor

from services.inference.engine.adapters import LoraUpdate, LoraUpdates

MAX_CACHED_STACKS = 4
"""Adapter sets whose stacked weights are cached: prefills of other sets run between the steps of a batch."""


@dataclass(frozen=True)
class _RowLayout:
    """How batch rows map to a table of `adapters` x `rows_per_adapter` slots.

    `rows` are the batch rows with an adapter, `slots` their places in the table. `first` is the row from which on the
    batch is already that table; None if the rows must be moved.
    """

    rows: Tensor
    slots: Tensor
    adapters: int
    rows_per_adapter: int
    first: int | None


class MultiLora:
    """The LoRA updates of a base model's adapters, and those that the next forward pass adds."""

    def __init__(self) -> None:
        self._adapters: dict[str, LoraUpdates] = {}
        self._stacks: OrderedDict[tuple[str, ...], LoraUpdates] = OrderedDict()
        self._active: LoraUpdates = {}
        self._layout: _RowLayout | None = None
        self._grouped: tuple[Any, Tensor] | None = None
        self._product: tuple[Tensor, Tensor, Tensor] | None = None
        self._wrapped: set[Any] = set()

    def add(self, path: str, updates: LoraUpdates) -> None:
        """Add an adapter."""
        self._adapters[path] = updates
        for layer in updates.keys() - self._wrapped:
            layer.forward = partial(self._forward, layer, layer.forward)  # a forward hook would slow down every call
            self._wrapped.add(layer)

    def remove(self, path: str) -> None:
        """Remove an adapter."""
        self._adapters.pop(path, None)
        self._stacks.clear()

    def __contains__(self, path: str | None) -> bool:
        """Whether rows with this adapter, or without one, can share a batch with other rows."""
        return path is None or path in self._adapters

    @contextmanager
    def active_adapters(self, paths: Sequence[str | None], device: Any) -> Iterator[None]:
        """Within the context, forward passes apply `paths[i]` to row i; None applies no adapter."""
        used = tuple(sorted({path for path in paths if path}))
        if len(set(paths)) == 1:
            self._active = self._adapters[used[0]] if used else {}
        else:
            self._active, self._layout = self._stack(used), _row_layout(paths, used, device)
        try:
            yield
        finally:
            self._active, self._layout, self._grouped, self._product = {}, None, None, None

    def _stack(self, paths: tuple[str, ...]) -> LoraUpdates:
        """Return the stacked updates of these adapters by layer."""
        stacks = self._stacks.pop(paths, None)
        if stacks is None:
            adapters = [self._adapters[path] for path in paths]
            layers = {layer for updates in adapters for layer in updates}
            stacks = {layer: _stacked([updates.get(layer) for updates in adapters]) for layer in layers}
        self._stacks[paths] = stacks
        while len(self._stacks) > MAX_CACHED_STACKS:
            self._stacks.popitem(last=False)
        return stacks

    def _forward(self, layer: Any, forward: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
        output, update = forward(x), self._active.get(layer)
        return output if update is None else self._add(x, output, update)

    def _add(self, x: Tensor, output: Tensor, update: LoraUpdate) -> Tensor:
        if self._layout is None:
            output.view(-1, output.shape[-1]).addmm_(self._multiply(x, update), update.b)
            return output
        a, b = update.a, update.b
        if (first := self._layout.first) is not None:
            rows = x[first:].reshape(len(a), -1, x.shape[-1])
            output[first:].view(len(a), -1, output.shape[-1]).baddbmm_(torch.bmm(rows, a), b)
            return output
        by_adapter = torch.bmm(torch.bmm(self._group_by_adapter(x, self._layout), a), b)
        by_row = by_adapter.view(-1, *output.shape[1:]).index_select(0, self._layout.slots)
        return output.add_(by_row) if len(by_row) == len(output) else output.index_add_(0, self._layout.rows, by_row)

    def _multiply(self, x: Tensor, update: LoraUpdate) -> Tensor:
        """x @ A [rows x tokens, rank]. One product for all layers that get this very input."""
        if (shared := update.shared) is None:
            return x.reshape(-1, x.shape[-1]) @ update.a
        if self._product is None or self._product[0] is not x or self._product[1] is not shared:
            self._product = x, shared, x.reshape(-1, x.shape[-1]) @ shared
        return self._product[2][:, update.start : update.start + update.a.shape[1]]

    def _group_by_adapter(self, x: Tensor, layout: _RowLayout) -> Tensor:
        """Group x [rows, tokens, in] as [adapters, rows x tokens, in]. Cached: several layers share the same input."""
        if self._grouped is None or self._grouped[0] is not x:
            table = x.new_zeros(layout.adapters * layout.rows_per_adapter, *x.shape[1:])
            table.index_copy_(0, layout.slots, x.index_select(0, layout.rows))
            self._grouped = x, table.view(layout.adapters, -1, x.shape[-1])
        return self._grouped[1]


def _row_layout(paths: Sequence[str | None], used: Sequence[str], device: Any) -> _RowLayout:
    next_slot: Counter[str] = Counter()
    rows_per_adapter = max(Counter(path for path in paths if path).values())
    rows, slots = [], []
    for row, path in enumerate(paths):
        if path:
            rows.append(row)
            slots.append(used.index(path) * rows_per_adapter + next_slot[path])
            next_slot[path] += 1
    without = len(paths) - len(rows)
    is_grouped = list(paths) == [None] * without + [path for path in used for _ in range(rows_per_adapter)]
    first = without if is_grouped else None
    as_tensor = partial(torch.tensor, device=device)
    return _RowLayout(as_tensor(rows), as_tensor(slots), len(used), rows_per_adapter, first)


def _stacked(updates: Sequence[LoraUpdate | None]) -> LoraUpdate:
    """Stack into [adapters, in, rank] and [adapters, rank, out]; lower ranks and missing updates are zero-padded."""
    present = [update for update in updates if update is not None]
    rank = max(update.a.shape[1] for update in present)
    stack_a = present[0].a.new_zeros(len(updates), present[0].a.shape[0], rank)
    stack_b = present[0].b.new_zeros(len(updates), rank, present[0].b.shape[1])
    for index, update in enumerate(updates):
        if update is not None:
            stack_a[index, :, : update.a.shape[1]], stack_b[index, : update.b.shape[0]] = update.a, update.b
    return LoraUpdate(stack_a, stack_b)
