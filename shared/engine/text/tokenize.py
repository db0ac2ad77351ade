"""Tokenization that respects boundaries: no token crosses the end of a prompt.

Token ids are those of the whole text, except where a merge would cross a boundary. There the text is tokenized in
two parts, in training and in serving alike.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from shared.engine.text.bpe_cache import ID_DTYPE, CachedBpeTokenizer
from shared.engine.text.samples import EncodedSample, RenderedSample, Span


class BoundaryTokenizer:
    """A `tokenizers.Tokenizer` for text with boundaries. Byte-level BPE goes through the BPE cache, which is faster."""

    def __init__(self, backend: Any) -> None:
        self._backend = backend
        self._backend.no_truncation()
        self._backend.no_padding()
        self._cached = CachedBpeTokenizer.of(backend)
        self._batch_encoder: Any = None

    def ids(self, text: str, boundaries: Sequence[int] = ()) -> list[int]:
        """Token ids of `text`; `boundaries` in characters, ascending."""
        return self.encode(text, [], boundaries).input_ids

    def encode(
        self, text: str, trained: Sequence[Span], boundaries: Sequence[int], literals: Sequence[Span] = ()
    ) -> EncodedSample:
        """Token ids of `text`; tokens that begin within a span of `trained` (in characters) are trained.

        Special tokens within `literals` are encoded as plain text.
        """
        if literals:
            return self._encode_by_offsets(text, trained, boundaries, literals)
        return self._encode_cached(text, trained, boundaries) or self._encode_by_offsets(text, trained, boundaries)

    def encode_all(self, samples: Sequence[RenderedSample]) -> list[EncodedSample]:
        """Encode many texts at once; each result equals that of `encode`."""
        encoded: Sequence[EncodedSample | None] = [None] * len(samples)
        if self._cached and self._cached.words_end_at_spaces:
            # Imported late: pyarrow starts threads, which the forkserver that imports this module must not have.
            from shared.engine.text.batch_encoder import BatchEncoder

            self._batch_encoder = self._batch_encoder or BatchEncoder(self._cached)
            encoded = self._batch_encoder.encode(samples)
        return [found or self.encode(*sample.in_characters()) for found, sample in zip(encoded, samples, strict=True)]

    def _encode_cached(self, text: str, trained: Sequence[Span], boundaries: Sequence[int]) -> EncodedSample | None:
        """Encode with the BPE cache; None where that is not exact.

        It is exact if every boundary falls between two tokens by itself and every span ends at an added token, a
        boundary or the end of the text.
        """
        parts = self._cached.split(text) if self._cached else None
        if parts is None or self._cached is None:
            return None
        tokens_before: dict[int, int] = {}  # position in characters -> number of tokens before it
        pending, begin, count = list(reversed(boundaries)), 0, 0
        for part, ids in parts:
            end, size = begin + len(part), len(ids) // ID_DTYPE.itemsize
            tokens_before[begin] = count
            if pending and pending[-1] < end:
                boundary = pending.pop()
                prefix = self._cached.encode_plain(text[begin:boundary])
                within_added_token = boundary > begin and part in self._cached.added
                # If the ids of the prefix alone begin the ids of the part, a token ends exactly at the boundary.
                if within_added_token or not ids.startswith(prefix) or (pending and pending[-1] < end):
                    return None
                tokens_before[boundary] = count + len(prefix) // ID_DTYPE.itemsize
            begin, count = end, count + size
        tokens_before[begin] = count
        if not tokens_before.keys() >= {position for span in (*trained, boundaries) for position in span}:
            return None
        spans = [(tokens_before[start], tokens_before[end]) for start, end in trained]
        return EncodedSample(b"".join([ids for _, ids in parts]), spans)

    def _encode_by_offsets(
        self, text: str, trained: Sequence[Span], boundaries: Sequence[int], literals: Sequence[Span] = ()
    ) -> EncodedSample:
        """Encode with the tokenizer itself and its character offsets; works for every tokenizer and every boundary."""
        tokens = self._tokenize_parts(text, boundaries, literals) if literals else self._tokenize(text, boundaries)
        spans = [(tokens.count_before(start), tokens.count_before(end)) for start, end in trained]
        return EncodedSample.from_ids(tokens.ids, spans)

    def _tokenize_parts(self, text: str, boundaries: Sequence[int], literals: Sequence[Span]) -> _Tokens:
        """Tokenize the text between literals as any other, and each literal without special tokens."""
        tokens, position = _Tokens([], []), 0
        for start, end in [*literals, (len(text), len(text))]:
            inner = [boundary - position for boundary in boundaries if position < boundary < start]
            between = self._tokenize(text[position:start], inner)
            tokens += _Tokens(between.ids, [position + token for token in between.starts])
            self._backend.encode_special_tokens = True
            try:
                tokens += self._tokenize_slice(text, start, end)
            finally:
                self._backend.encode_special_tokens = False
            position = end
        return tokens

    def _tokenize(self, text: str, boundaries: Sequence[int]) -> _Tokens:
        """Tokenize `text`, split at a boundary only if the tokens before it are no prefix of the tokens of the whole.

        Whether a boundary splits depends only on the text up to the next boundary. A prompt, which ends at one, thus
        gets the same tokens whether it is tokenized alone (serving) or with the answers that follow (training).
        """
        done, origin = _Tokens([], []), 0
        piece, piece_end = _Tokens([], []), 0
        for boundary in [*boundaries, len(text)]:
            longer = self._tokenize_slice(text, origin, boundary)
            if longer.ids[: len(piece.ids)] != piece.ids:  # a token crosses the last boundary: split there
                done, origin = done + piece, piece_end
                longer = self._tokenize_slice(text, origin, boundary)
            piece, piece_end = longer, boundary
        return done + piece

    def _tokenize_slice(self, text: str, start: int, end: int) -> _Tokens:
        encoding = self._backend.encode(text[start:end], add_special_tokens=False)
        return _Tokens(encoding.ids, _token_starts(encoding.offsets, start))


@dataclass(frozen=True)
class _Tokens:
    """Token ids and the position, in characters of the whole text, at which each token begins."""

    ids: list[int]
    starts: list[int]

    def count_before(self, position: int) -> int:
        """The number of tokens that begin before a position."""
        return bisect_left(self.starts, position)

    def __add__(self, other: _Tokens) -> _Tokens:
        return _Tokens(self.ids + other.ids, self.starts + other.starts)


def _token_starts(offsets: Sequence[tuple[int, int]], origin: int) -> list[int]:
    """Where tokens begin. A gap between offsets (byte-level BPE trims spaces from them) belongs to the next token."""
    starts, covered = [], 0
    for start, end in offsets:
        starts.append(origin + min(start, covered))
        covered = max(covered, end)
    return starts
