"""Adapters of one base in one batch: each row gets the low-rank update of its own adapter, in two products per layer.

The products take the rows by adapter, as many of each. Where they do not stand so in the batch, they are moved: rows
are small and come and go, while adapters are large and stay. peft's own `adapter_names` goes through the adapters one
by one in every layer, and was slower (docs/experiments.md).
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

from services.inference.engine.adapters import Update, Updates

KEPT = 4
"""Sets of adapters whose stacks are kept: prompts are read between the steps of the batch that runs."""


@dataclass(frozen=True)
class _Places:
    """Where the rows of a batch go: to `place` in a table of `adapters` x `most`; the others have no adapter.

    `first` is the row at which a part of the batch begins that is that table already; None: there is none.
    """

    rows: Tensor
    place: Tensor
    adapters: int
    most: int
    first: int | None


class Mixer:
    """The updates of a base's adapters, and which of them the next forward pass adds."""

    def __init__(self) -> None:
        self._adapters: dict[str, Updates] = {}
        self._stacks: OrderedDict[tuple[str, ...], Updates] = OrderedDict()
        self._active: Updates = {}
        self._places: _Places | None = None
        self._laid: tuple[Any, Tensor] | None = None
        self._wrapped: set[Any] = set()

    def take(self, path: str, updates: Updates) -> None:
        """Have an adapter ready."""
        self._adapters[path] = updates
        for layer in updates.keys() - self._wrapped:
            layer.forward = partial(self._forward, layer, layer.forward)  # a hook would cost every call some time
            self._wrapped.add(layer)

    def drop(self, path: str) -> None:
        """Forget an adapter."""
        self._adapters.pop(path, None)
        self._stacks.clear()

    def __contains__(self, path: str | None) -> bool:
        """Whether this adapter, or no adapter, can stand in a batch with others."""
        return path is None or path in self._adapters

    @contextmanager
    def rows(self, paths: Sequence[str | None], device: Any) -> Iterator[None]:
        """Forward passes of a batch whose rows have these adapters."""
        used = tuple(sorted({path for path in paths if path}))
        if len(set(paths)) == 1:
            self._active = self._adapters[used[0]] if used else {}
        else:
            self._active, self._places = self._stack(used), _places(paths, used, device)
        try:
            yield
        finally:
            self._active, self._places, self._laid = {}, None, None

    def _stack(self, paths: tuple[str, ...]) -> Updates:
        """By layer, the updates of these adapters in one tensor each."""
        stacks = self._stacks.pop(paths, None)
        if stacks is None:
            all = [self._adapters[path] for path in paths]
            layers = {layer for updates in all for layer in updates}
            stacks = {layer: _stacked([updates.get(layer) for updates in all]) for layer in layers}
        self._stacks[paths] = stacks
        while len(self._stacks) > KEPT:
            self._stacks.popitem(last=False)
        return stacks

    def _forward(self, layer: Any, forward: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
        output, update = forward(x), self._active.get(layer)
        return output if update is None else self._add(x, output, *update)

    def _add(self, x: Tensor, output: Tensor, a: Tensor, b: Tensor) -> Tensor:
        if self._places is None:
            return output.add_(x @ a @ b)
        if (first := self._places.first) is not None:
            rows = x[first:].reshape(len(a), -1, x.shape[-1])
            output[first:].view(len(a), -1, output.shape[-1]).baddbmm_(torch.bmm(rows, a), b)
            return output
        by_adapter = torch.bmm(torch.bmm(self._lay(x, self._places), a), b)
        by_row = by_adapter.view(-1, *output.shape[1:]).index_select(0, self._places.place)
        return output.add_(by_row) if len(by_row) == len(output) else output.index_add_(0, self._places.rows, by_row)

    def _lay(self, x: Tensor, places: _Places) -> Tensor:
        """x [rows, tokens, inputs] by adapter, [adapters, rows x tokens, inputs]; once for layers that share it."""
        if self._laid is None or self._laid[0] is not x:
            table = x.new_zeros(places.adapters * places.most, *x.shape[1:])
            table.index_copy_(0, places.place, x.index_select(0, places.rows))
            self._laid = x, table.view(places.adapters, -1, x.shape[-1])
        return self._laid[1]


def _places(paths: Sequence[str | None], used: Sequence[str], device: Any) -> _Places:
    counts: Counter[str] = Counter()
    most = max(Counter(path for path in paths if path).values())
    rows, place = [], []
    for row, path in enumerate(paths):
        if path:
            rows.append(row)
            place.append(used.index(path) * most + counts[path])
            counts[path] += 1
    bare = len(paths) - len(rows)
    laid = list(paths) == [None] * bare + [path for path in used for _ in range(most)]
    first = bare if laid else None
    return _Places(torch.tensor(rows, device=device), torch.tensor(place, device=device), len(used), most, first)


def _stacked(updates: Sequence[Update | None]) -> Update:
    """[adapters, inputs, rank] and [adapters, rank, outputs]: smaller ranks and missing updates filled with zeros."""
    known = [update for update in updates if update is not None]
    rank = max(a.shape[1] for a, _ in known)
    stack_a = known[0][0].new_zeros(len(updates), known[0][0].shape[0], rank)
    stack_b = known[0][1].new_zeros(len(updates), rank, known[0][1].shape[1])
    for place, update in enumerate(updates):
        if update is not None:
            a, b = update
            stack_a[place, :, : a.shape[1]], stack_b[place, : b.shape[0]] = a, b
    return stack_a, stack_b
