"""Keys and values of a running batch, with room to spare: a step writes its own column instead of copying the rest."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import Tensor
from transformers.cache_utils import Cache, DynamicLayer

LEAST_ROOM = 64
"""Tokens that are set aside at least whenever a layer has to grow; else a quarter of what it holds."""


class RoomyLayer(DynamicLayer):
    """One layer's keys and values [rows, heads, length, size]: views of larger tensors that fill up."""

    _roomy_keys: Tensor | None = None
    _roomy_values: Tensor | None = None

    def update(self, key_states: Tensor, value_states: Tensor, *_: Any, **__: Any) -> tuple[Tensor, Tensor]:
        """Append; everything so far."""
        if not self.is_initialized:
            self.lazy_initialization(key_states, value_states)
        start = self.get_seq_length()
        end = start + key_states.shape[2]
        if self._roomy_keys is None or self._roomy_values is None or end > self._roomy_keys.shape[2]:
            self._roomy_keys = _grown(self.keys, key_states, start, end)
            self._roomy_values = _grown(self.values, value_states, start, end)
        self._roomy_keys[:, :, start:end] = key_states
        self._roomy_values[:, :, start:end] = value_states
        self.keys, self.values = self._roomy_keys[:, :, :end], self._roomy_values[:, :, :end]
        return self.keys, self.values

    def replace(self, keys: Tensor, values: Tensor) -> None:
        """Hold these from now on."""
        self.keys, self.values = keys, values
        self._roomy_keys = self._roomy_values = None


def empty_cache() -> Any:
    """A cache for a model's forward passes, without a token in it."""
    return Cache(layer_class_to_replicate=RoomyLayer)


def change(cache: Any, how: Callable[[Tensor], Tensor]) -> None:
    """Hold `how(tensor)` in the place of each tensor [rows, heads, length, size]."""
    for layer in cache.layers:
        layer.replace(how(layer.keys), how(layer.values))


def append(cache: Any, other: Any, how: Callable[[Tensor, Tensor], Tensor]) -> None:
    """Hold `how(tensor, the other's)` in the place of each tensor."""
    for layer, new in zip(cache.layers, other.layers, strict=True):
        layer.replace(how(layer.keys, new.keys), how(layer.values, new.values))


def _grown(held: Tensor | None, like: Tensor, start: int, end: int) -> Tensor:
    room = like.new_empty(*like.shape[:2], end + max(LEAST_ROOM, end // 4), like.shape[3])
    if held is not None and start:
        room[:, :, :start] = held
    return room
