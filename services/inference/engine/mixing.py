"""Adapters of one base in one batch: each row gets the low-rank update of its own adapter, in two products per layer.

peft loads and holds the adapters; this computes with them. peft's own `adapter_names` goes through the adapters one
by one in every layer, and was slower (docs/experiments.md).
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor

KEPT = 4
"""Compositions of a batch whose stacks are kept: prompts are read between the steps of the batch that runs."""

Update = tuple[Tensor, Tensor]
"""A [inputs, rank] and B [rank, outputs] with the scale in it; in a stack of rows both have a first dimension more."""
Updates = Mapping[Any, Update]
"""By layer."""


class Mixer:
    """The updates of a base's adapters, and which of them the next forward pass adds."""

    def __init__(self) -> None:
        self._adapters: dict[str, Updates] = {}
        self._stacks: OrderedDict[tuple[str | None, ...], Updates] = OrderedDict()
        self._active: Updates = {}
        self._hooked: set[Any] = set()

    def take(self, path: str, name: str, model: Any, dtype: torch.dtype) -> None:
        """Read the adapter `name` out of a PeftModel; one with more to it than plain LoRA is left to peft."""
        updates = _updates(model, name, dtype)
        if updates is None:
            return
        self._adapters[path] = updates
        for layer in updates.keys() - self._hooked:
            layer.register_forward_hook(self._add)
            self._hooked.add(layer)

    def drop(self, path: str) -> None:
        """Forget an adapter."""
        self._adapters.pop(path, None)
        self._stacks.clear()

    def __contains__(self, path: str | None) -> bool:
        """Whether this adapter, or no adapter, can stand in a batch with others."""
        return path is None or path in self._adapters

    @contextmanager
    def rows(self, paths: Sequence[str | None]) -> Iterator[None]:
        """Forward passes of a batch whose rows have these adapters."""
        self._active = self._of(tuple(paths))
        try:
            yield
        finally:
            self._active = {}

    def _of(self, paths: tuple[str | None, ...]) -> Updates:
        """One adapter's updates where all rows have the same, else stacks with one for each row."""
        if len(set(paths)) == 1:
            return self._adapters[paths[0]] if paths[0] else {}
        stacks = self._stacks.pop(paths, None) or self._stacked(paths)
        self._stacks[paths] = stacks
        while len(self._stacks) > KEPT:
            self._stacks.popitem(last=False)
        return stacks

    def _stacked(self, paths: Sequence[str | None]) -> Updates:
        rows = [self._adapters[path] if path else {} for path in paths]
        layers = {layer for row in rows for layer in row}
        return {layer: _stack([row.get(layer) for row in rows]) for layer in layers}

    def _add(self, layer: Any, inputs: tuple[Tensor, ...], output: Tensor) -> Tensor | None:
        update = self._active.get(layer)
        return None if update is None else output + inputs[0] @ update[0] @ update[1]


def _stack(updates: Sequence[Update | None]) -> Update:
    """[rows, inputs, rank] and [rows, rank, outputs]: smaller ranks and rows without an update filled with zeros."""
    known = [update for update in updates if update is not None]
    rank = max(a.shape[1] for a, _ in known)
    stack_a = known[0][0].new_zeros(len(updates), known[0][0].shape[0], rank)
    stack_b = known[0][1].new_zeros(len(updates), rank, known[0][1].shape[1])
    for row, update in enumerate(updates):
        if update is not None:
            a, b = update
            stack_a[row, :, : a.shape[1]], stack_b[row, : b.shape[0]] = a, b
    return stack_a, stack_b


def _updates(model: Any, name: str, dtype: torch.dtype) -> Updates | None:
    """By layer, or None where the adapter is not plain LoRA over linear layers."""
    config = model.peft_config[name]
    if config.peft_type != "LORA" or config.modules_to_save or config.bias != "none" or config.trainable_token_indices:
        return None
    found: dict[Any, Update] = {}
    for layer in model.modules():
        if name in getattr(layer, "lora_embedding_A", {}) or name in getattr(layer, "lora_variant", {}):
            return None
        if name not in getattr(layer, "lora_A", {}):
            continue
        a, b = layer.lora_A[name], layer.lora_B[name]
        if not all(type(part) is torch.nn.Linear and part.bias is None for part in (a, b)):
            return None
        if not isinstance(layer.get_base_layer(), torch.nn.Linear):
            return None
        scaled = b.weight * layer.scaling[name]
        found[layer] = (a.weight.T.to(dtype).contiguous(), scaled.T.to(dtype).contiguous())
    return found
