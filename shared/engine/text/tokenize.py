"""How text becomes token ids that respect boundaries: no token lies across the end of a prompt.

Token ids are those of the whole text, except where a merge would straddle a boundary: there the text is tokenized in
two parts, in training and in serving alike.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from shared.engine.text.bpe_cache import ID, WordTokenizer

Span: TypeAlias = tuple[int, int]
"""[start, end) in characters of a rendered text."""


@dataclass(frozen=True)
class Encoded:
    """A training sample: token ids (`packed`, see words.ID), and the [start, end) of them that are to be learned."""

    packed: bytes
    spans: list[tuple[int, int]]

    @classmethod
    def of(cls, ids: Sequence[int], spans: list[tuple[int, int]]) -> Encoded:
        """From ids as numbers."""
        return cls(np.array(ids, ID).tobytes(), spans)

    def __len__(self) -> int:
        return len(self.packed) // ID.itemsize

    @property
    def input_ids(self) -> list[int]:
        """The ids as numbers."""
        return np.frombuffer(self.packed, ID).tolist()

    @property
    def trained(self) -> list[bool]:
        """For every id whether it is learned."""
        flags = [False] * len(self)
        for start, end in self.spans:
            flags[start:end] = [True] * (end - start)
        return flags

    def cut(self, begin: int, end: int | None) -> Encoded:
        """Its tokens [begin, end), spans counted from there; spans that do not reach into them are gone."""
        end = len(self) if end is None else min(end, len(self))
        spans = [(max(a, begin) - begin, min(b, end) - begin) for a, b in self.spans if a < end and b > begin]
        return Encoded(self.packed[begin * ID.itemsize : end * ID.itemsize], spans)


@dataclass(frozen=True)
class Marked:
    """A text as UTF-8, its spans to be learned, and its boundaries; in bytes. Boundaries ascend."""

    data: bytes
    trained: list[Span]
    boundaries: list[int]

    @classmethod
    def of(cls, text: str, trained: Sequence[Span], boundaries: Sequence[int]) -> Marked:
        """From places in characters."""
        data = text.encode()
        if len(data) == len(text):
            return cls(data, list(trained), list(boundaries))
        return cls(data, *_moved(trained, boundaries, lambda place: len(text[:place].encode())))

    def in_characters(self) -> tuple[str, list[Span], list[int]]:
        """As `of` takes it."""
        return self.data.decode(), *_moved(self.trained, self.boundaries, lambda place: len(self.data[:place].decode()))


def _moved(
    trained: Sequence[Span], boundaries: Sequence[int], to: Callable[[int], int]
) -> tuple[list[Span], list[int]]:
    return [(to(start), to(end)) for start, end in trained], [to(place) for place in boundaries]


class BoundaryTokenizer:
    """A `tokenizers.Tokenizer` that takes text with boundaries; quick where words can be looked up."""

    def __init__(self, backend: Any) -> None:
        self._backend = backend
        self._backend.no_truncation()
        self._backend.no_padding()
        self._words = WordTokenizer.of(backend)
        self._blocks: Any = None

    def ids(self, text: str, boundaries: Sequence[int] = ()) -> list[int]:
        """Token ids; `boundaries` ascend, in characters."""
        return self.encode(text, [], boundaries).input_ids

    def encode(self, text: str, trained: Sequence[Span], boundaries: Sequence[int]) -> Encoded:
        """Token ids, and as trained those that begin in one of the spans."""
        return self._by_words(text, trained, boundaries) or self._by_offsets(text, trained, boundaries)

    def encode_all(self, texts: Sequence[Marked]) -> list[Encoded]:
        """Each as `encode` has it, many at a time."""
        found: Sequence[Encoded | None] = [None] * len(texts)
        if self._words and self._words.spaces_end_words:
            from shared.engine.text.batch_encoder import Blocks

            self._blocks = self._blocks or Blocks(self._words)
            found = self._blocks.encode(texts)
        return [one or self.encode(*text.in_characters()) for one, text in zip(found, texts, strict=True)]

    def _by_words(self, text: str, trained: Sequence[Span], boundaries: Sequence[int]) -> Encoded | None:
        """The quick way, where tokens begin at every boundary by themselves and added tokens end the spans."""
        parts = self._words.parts(text) if self._words else None
        if parts is None or self._words is None:
            return None
        counts: dict[int, int] = {}  # characters -> tokens before them
        waiting, begin, count = list(reversed(boundaries)), 0, 0
        for part, ids in parts:
            end, size = begin + len(part), len(ids) // ID.itemsize
            counts[begin] = count
            if waiting and waiting[-1] < end:
                boundary = waiting.pop()
                prefix = self._words.plain(text[begin:boundary])
                within = boundary > begin and part in self._words.added
                if within or not ids.startswith(prefix) or (waiting and waiting[-1] < end):
                    return None
                counts[boundary] = count + len(prefix) // ID.itemsize
            begin, count = end, count + size
        counts[begin] = count
        if not counts.keys() >= {position for span in (*trained, boundaries) for position in span}:
            return None
        spans = [(counts[start], counts[end]) for start, end in trained]
        return Encoded(b"".join([ids for _, ids in parts]), spans)

    def _by_offsets(self, text: str, trained: Sequence[Span], boundaries: Sequence[int]) -> Encoded:
        """The general way: tokens with the characters at which they begin."""
        tokens = self._tokens(text, boundaries)
        return Encoded.of(tokens.ids, [(tokens.begun(start), tokens.begun(end)) for start, end in trained])

    def _tokens(self, text: str, boundaries: Sequence[int]) -> _Tokens:
        """Tokenize `text`, cut at a boundary only where the text up to it is not a token prefix of what follows.

        Whether to cut depends on the text up to the next boundary alone, so every prompt decides as its training
        text does.
        """
        done, origin = _Tokens([], []), 0
        open_piece, reached = _Tokens([], []), 0
        for boundary in [*boundaries, len(text)]:
            longer = self._piece(text, origin, boundary)
            if longer.ids[: len(open_piece.ids)] != open_piece.ids:
                done, origin = done + open_piece, reached
                longer = self._piece(text, origin, boundary)
            open_piece, reached = longer, boundary
        return done + open_piece

    def _piece(self, text: str, start: int, end: int) -> _Tokens:
        encoding = self._backend.encode(text[start:end], add_special_tokens=False)
        return _Tokens(encoding.ids, _begins(encoding.offsets, start))


@dataclass(frozen=True)
class _Tokens:
    """Token ids and the character of the whole text at which each begins."""

    ids: list[int]
    begins: list[int]

    def begun(self, position: int) -> int:
        """How many begin before this character."""
        return bisect_left(self.begins, position)

    def __add__(self, other: _Tokens) -> _Tokens:
        return _Tokens(self.ids + other.ids, self.begins + other.begins)


def _begins(offsets: Sequence[tuple[int, int]], origin: int) -> list[int]:
    """Where tokens begin; a gap that trimmed offsets leave (byte-level BPE trims spaces) belongs to the next token."""
    begins, covered = [], 0
    for start, end in offsets:
        begins.append(origin + min(start, covered))
        covered = max(covered, end)
    return begins
