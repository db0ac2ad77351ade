"""A preallocated KV cache: a decode step writes its own column instead of copying all keys and values."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import Tensor
from transformers.cache_utils import Cache, DynamicLayer

MIN_SPARE_TOKENS = 64
"""Least spare capacity after a layer has grown; else a quarter of what it holds, which makes growth O(1) amortized."""


class PreallocatedLayer(DynamicLayer):
    """One layer's keys and values [rows, heads, length, size]: views of larger buffers that fill up."""

    _key_buffer: Tensor | None = None
    _value_buffer: Tensor | None = None

    def update(self, key_states: Tensor, value_states: Tensor, *_: Any, **__: Any) -> tuple[Tensor, Tensor]:
        """Append new keys and values; return all of them."""
        if not self.is_initialized:
            self.lazy_initialization(key_states, value_states)
        start = self.get_seq_length()
        end = start + key_states.shape[2]
        if self._key_buffer is None or self._value_buffer is None or end > self._key_buffer.shape[2]:
            self._key_buffer = _grow(self.keys, key_states, start, end)
            self._value_buffer = _grow(self.values, value_states, start, end)
        self._key_buffer[:, :, start:end] = key_states
        self._value_buffer[:, :, start:end] = value_states
        self.keys, self.values = self._key_buffer[:, :, :end], self._value_buffer[:, :, :end]
        return self.keys, self.values

    @property
    def allocated(self) -> int:
        """Bytes of the buffers, or of the tensors that they will be copied from."""
        if not self.is_initialized:
            return 0
        keys, values = (self.keys, self.values) if self._key_buffer is None else (self._key_buffer, self._value_buffer)
        return int(keys.nbytes + values.nbytes)  # type: ignore[union-attr]

    @property
    def bytes_per_token(self) -> int:
        """Bytes of one row's keys and values of one token."""
        tensors = (self.keys, self.values) if self.is_initialized else ()
        return sum(tensor[:1, :, :1].nbytes for tensor in tensors if tensor is not None)

    def replace(self, keys: Tensor, values: Tensor) -> None:
        """Hold these keys and values; the next update allocates new buffers."""
        self.keys, self.values = keys, values
        self._key_buffer = self._value_buffer = None


def empty_cache() -> Any:
    """An empty cache for a model's forward pass."""
    return Cache(layer_class_to_replicate=PreallocatedLayer)


def peak_bytes(bytes_per_token: int, rows: int, length: int) -> int:
    """The most bytes that the buffers of `rows` of up to `length` tokens take."""
    return bytes_per_token * rows * (length + max(MIN_SPARE_TOKENS, length // 4))


def longest(bytes_per_token: int, rows: int, available: int) -> int:
    """The most tokens that `rows` may have whose buffers take at most `available` bytes."""
    tokens = available // (bytes_per_token * rows)
    return max(0, min(tokens - MIN_SPARE_TOKENS, tokens * 4 // 5))


def transform(cache: Any, function: Callable[[Tensor], Tensor]) -> None:
    """Replace each tensor [rows, heads, length, size] by `function(tensor)`."""
    for layer in cache.layers:
        layer.replace(function(layer.keys), function(layer.values))


def merge(cache: Any, other: Any, function: Callable[[Tensor, Tensor], Tensor]) -> None:
    """Replace each tensor by `function(tensor, other's tensor)`."""
    for layer, new in zip(cache.layers, other.layers, strict=True):
        layer.replace(function(layer.keys, new.keys), function(layer.values, new.values))


def _grow(filled: Tensor | None, like: Tensor, start: int, end: int) -> Tensor:
    buffer = like.new_empty(*like.shape[:2], end + max(MIN_SPARE_TOKENS, end // 4), like.shape[3])
    if filled is not None and start:
        buffer[:, :, :start] = filled
    return buffer
