"""What a model's configuration says about lengths, and token ids for trials. Knows nothing of weights."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

ASSUMED_CONTEXT_TOKENS = 2048
"""The context length of a model whose configuration gives none, such as one with recurrent layers."""
_CONTEXT_NAMES = ("max_position_embeddings", "n_positions", "n_ctx", "max_seq_len", "seq_length", "context_length")
_WINDOW_NAMES = (
    *("sliding_window", "attention_chunk_size", "window_size", "attention_window_size"),
    *("chunk_size", "mamba_chunk_size", "block_size"),  # of recurrent layers and linear attention
)


def context_length(config: Any) -> int:
    """The model's context length in tokens."""
    return max(_positive(config, _CONTEXT_NAMES), default=ASSUMED_CONTEXT_TOKENS)


def smallest_window(config: Any) -> int | None:
    """Tokens of the smallest sliding window or chunk that the configuration names; None without one."""
    return min(_positive(config, _WINDOW_NAMES), default=None)


def largest_size(config: Any, name: str) -> int:
    """A size in a text configuration, the largest where its layers differ (Gemma 3n, Gemma 4); 0 if it has none."""
    layers = config.per_layer_config if getattr(config, "is_heterogeneous", False) else [config]
    values = [getattr(layer, name, None) for layer in layers]
    sizes = [size for value in values for size in (value if isinstance(value, list | tuple) else [value])]
    return max((size for size in sizes if isinstance(size, int)), default=0)


def ordinary_tokens(config: Any, count: int, seed: int = 0) -> Tensor:
    """`count` token ids from the middle of the vocabulary: the special ones are at its start or its end."""
    vocabulary = config.get_text_config().vocab_size
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(vocabulary // 4, max(vocabulary // 4 + 1, vocabulary * 3 // 4), (count,), generator=generator)


def _positive(config: Any, names: tuple[str, ...]) -> list[int]:
    """Positive values of the first of these names that the text configuration has."""
    text = config.get_text_config()
    values = (getattr(text, name, None) for name in names)
    return [value for value in values if isinstance(value, int) and value > 0]
