"""Admission by memory: a request starts when the KV cache that its batch may grow to fits beside the other batches."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from services.inference.engine.batch import Batch
from services.inference.engine.device_memory import free_memory
from services.inference.engine.model_cache import LoadedModel, ModelCache
from shared.engine.decoding.generate import kv_bytes_per_token
from shared.engine.decoding.kv_cache import longest
from shared.engine.process.protocol import EngineError

MEMORY_SHARE = 0.8
"""The part of the free memory that caches may fill; activations need the rest."""


def admit(rows: int, length: int, model: LoadedModel, batches: dict[Any, Batch], models: ModelCache) -> bool:
    """Whether `rows` of up to `length` tokens may start now; False: once another request has ended.

    Raises EngineError kv_cache_exceeded where they do not fit even alone.
    """
    batch, running = batches.get(model.batch_key) or Batch(model.base), batches.values()
    if fits(batch, running, rows, length):
        return True
    if batches:
        return False
    needed = batch.peak_bytes(rows, length)
    models.make_room(int(needed / MEMORY_SHARE), model)
    if fits(batch, (), rows, length):
        return True
    raise EngineError(
        "kv_cache_exceeded",
        f"the KV cache of the request needs {needed >> 20} MiB, and {budget(()) >> 20} MiB are free: "
        f"{rows} × {length} tokens of prompt and answer",
        field="max_tokens",
        limit=longest(kv_bytes_per_token(model.base), rows, budget(())),
    )


def fits(batch: Batch, running: Collection[Batch], rows: int = 0, length: int = 0) -> bool:
    """Whether all batches can grow to their ends, `batch` with `rows` more of up to `length` tokens."""
    others = sum(other.peak_bytes() for other in running if other is not batch)
    return others + batch.peak_bytes(rows, length) <= budget(running)


def budget(running: Collection[Batch]) -> int:
    """The bytes that all KV caches may have, those that are allocated included."""
    return int((free_memory() + sum(batch.cache_bytes for batch in running)) * MEMORY_SHARE)
