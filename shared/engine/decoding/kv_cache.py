"""A preallocated KV cache: a decode step writes its own column instead of copying all keys and values."""

from __future__ import annotations

from typing import Any

import torch
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

    def arrange(self, kept: Tensor, padding: int, new: PreallocatedLayer | None, places: Tensor) -> None:
        """Keep these rows without their first `padding` tokens, with those of `new`, in new buffers.

        `places` are the rows of both in the result: first of the kept ones, then of the new ones.
        """
        key_parts, value_parts = [(self.keys, kept, padding)], [(self.values, kept, padding)]
        if new is not None:
            rows = torch.arange(new.keys.shape[0], device=kept.device)  # type: ignore[union-attr]
            key_parts.append((new.keys, rows, 0))
            value_parts.append((new.values, rows, 0))
        self._key_buffer, length = _arranged(key_parts, places)
        self._value_buffer, _ = _arranged(value_parts, places)
        self.keys, self.values = self._key_buffer[:, :, :length], self._value_buffer[:, :, :length]


def empty_cache() -> Any:
    """An empty cache for a model's forward pass."""
    return Cache(layer_class_to_replicate=PreallocatedLayer)


def peak_bytes(bytes_per_token: int, rows: int, length: int) -> int:
    """The most bytes that the buffers of `rows` of up to `length` tokens take."""
    return bytes_per_token * rows * _with_spare(length)


def longest(bytes_per_token: int, rows: int, available: int) -> int:
    """The most tokens that `rows` may have whose buffers take at most `available` bytes."""
    tokens = available // (bytes_per_token * rows)
    return max(0, min(tokens - MIN_SPARE_TOKENS, tokens * 4 // 5))


def arrange(cache: Any, kept: Tensor, padding: int, new: Any, places: Tensor) -> None:
    """Do so in every layer (PreallocatedLayer.arrange); `new` is a cache, or None."""
    for index, layer in enumerate(cache.layers):
        layer.arrange(kept, padding, None if new is None else new.layers[index], places)


def _arranged(parts: list[tuple[Any, Tensor, int]], places: Tensor) -> tuple[Tensor, int]:
    """A buffer with spare tokens, which holds the rows of each tensor at their places, left-padded to one length."""
    length, at = max(tensor.shape[2] - padding for tensor, _, padding in parts), 0
    first = parts[0][0]
    buffer = first.new_empty(len(places), first.shape[1], _with_spare(length), first.shape[3])
    for tensor, rows, padding in parts:
        own, start = places[at : at + len(rows)], length - (tensor.shape[2] - padding)
        buffer[:, :, :start].index_fill_(0, own, 0)
        buffer[:, :, start:length].index_copy_(0, own, tensor[:, :, padding:].index_select(0, rows))
        at += len(rows)
    return buffer, length


def _with_spare(length: int) -> int:
    return length + max(MIN_SPARE_TOKENS, length // 4)


def _grow(filled: Tensor | None, like: Tensor, start: int, end: int) -> Tensor:
    buffer = like.new_empty(*like.shape[:2], _with_spare(end), like.shape[3])
    if filled is not None and start:
        buffer[:, :, :start] = filled
    return buffer
