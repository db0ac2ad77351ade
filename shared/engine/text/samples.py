"""A training sample in its two forms: rendered text with trained spans, and token ids with trained spans.

Both are compact (bytes and a few integers), because a dataset of millions of rows passes through them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from shared.engine.text.bpe_cache import ID_DTYPE

Span: TypeAlias = tuple[int, int]
"""[start, end), in characters, bytes or tokens as the owner says."""


@dataclass(frozen=True)
class RenderedSample:
    """A text as UTF-8 with its trained spans and its boundaries, both in bytes. No token may cross a boundary.

    Boundaries are in ascending order. Special tokens within `literals` (spans in bytes) are encoded as plain text.
    """

    data: bytes
    trained: list[Span]
    boundaries: list[int]
    literals: tuple[Span, ...] = ()

    @classmethod
    def from_text(
        cls, text: str, trained: Sequence[Span], boundaries: Sequence[int], literals: Sequence[Span] = ()
    ) -> RenderedSample:
        """Build from a `str`, with spans and boundaries in characters."""
        data = text.encode()
        if len(data) == len(text):  # ASCII: characters are bytes
            return cls(data, list(trained), list(boundaries), tuple(literals))
        positions = (trained, boundaries, literals)
        return cls(data, *_convert_positions(*positions, lambda position: len(text[:position].encode())))

    def in_characters(self) -> tuple[str, list[Span], list[int], tuple[Span, ...]]:
        """The arguments of `from_text`: the text, and its spans and boundaries in characters."""
        positions = (self.trained, self.boundaries, self.literals)
        converted = _convert_positions(*positions, lambda position: len(self.data[:position].decode()))
        return self.data.decode(), *converted


@dataclass(frozen=True)
class EncodedSample:
    """Token ids as bytes (`ID_DTYPE`), and the [start, end) token spans that are trained."""

    id_bytes: bytes
    spans: list[Span]

    @classmethod
    def from_ids(cls, ids: Sequence[int], spans: list[Span]) -> EncodedSample:
        """Build from a list of token ids."""
        return cls(np.array(ids, ID_DTYPE).tobytes(), spans)

    def __len__(self) -> int:
        return len(self.id_bytes) // ID_DTYPE.itemsize

    @property
    def input_ids(self) -> list[int]:
        """Token ids as a list."""
        return np.frombuffer(self.id_bytes, ID_DTYPE).tolist()

    @property
    def trained(self) -> list[bool]:
        """The loss mask: for each token id, whether it is trained."""
        mask = [False] * len(self)
        for start, end in self.spans:
            mask[start:end] = [True] * (end - start)
        return mask

    def slice(self, begin: int, end: int | None) -> EncodedSample:
        """Tokens [begin, end). Spans are clipped and shifted; a span outside the slice is dropped."""
        end = len(self) if end is None else min(end, len(self))
        spans = [(max(a, begin) - begin, min(b, end) - begin) for a, b in self.spans if a < end and b > begin]
        return EncodedSample(self.id_bytes[begin * ID_DTYPE.itemsize : end * ID_DTYPE.itemsize], spans)


def _convert_positions(
    trained: Sequence[Span], boundaries: Sequence[int], literals: Sequence[Span], convert: Callable[[int], int]
) -> tuple[list[Span], list[int], tuple[Span, ...]]:
    spans, others = ([(convert(start), convert(end)) for start, end in found] for found in (trained, literals))
    return spans, [convert(position) for position in boundaries], tuple(others)
