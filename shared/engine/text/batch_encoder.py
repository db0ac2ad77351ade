"""Token ids of many texts at once: pieces between spaces are looked up by the hundred thousand in Arrow, in C.

The texts are joined and split at spaces and at added tokens. Each piece is looked up in a table of pieces seen before;
only new pieces are split into words and encoded. This is exact for tokenizers whose words end at spaces
(`CachedBpeTokenizer.words_end_at_spaces`), because then no word, and so no merge, crosses a split. pyarrow starts
threads, so this module is imported only when there is much to tokenize.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from shared.engine.arrow import binary_array, integer_array, to_numpy
from shared.engine.text.bpe_cache import ID_DTYPE, CachedBpeTokenizer
from shared.engine.text.samples import EncodedSample, RenderedSample

MAX_PIECES = 200_000
"""Pieces in the table, some 6 MB; a full table is cleared."""
MAX_PIECE_BYTES = 48
"""Longer pieces are not kept: they hardly repeat."""
_SEPARATOR = b"\xff"  # never occurs in UTF-8
_SPACE, _ASCII_END = ord(" "), 0x80
_UNICODE_SPACES = [
    *(0xC285, 0xC2A0, 0xE19A80, *range(0xE28080, 0xE2808B), 0xE280A8, 0xE280A9, 0xE280AF, 0xE2819F, 0xE38080)
]
"""Unicode's whitespace beyond ASCII, as the bytes of its UTF-8."""


class BatchEncoder:
    """Encodes batches of texts for one tokenizer."""

    def __init__(self, tokenizer: CachedBpeTokenizer) -> None:
        self._tokenizer = tokenizer
        tokenizer.disable_model_cache()
        self._added = {token.encode(): ids for token, ids in tokenizer.added.items()}
        longest_first = sorted(map(re.escape, self._added), key=len, reverse=True)
        self._find_added = re.compile(b"|".join(longest_first) or b"(?!)").finditer
        self._encode_prefix = lru_cache(10_000)(lambda text: tokenizer.encode_plain(text.decode()))
        self._pieces: Any
        self._ids: Any
        self._clear()

    def encode(self, samples: Sequence[RenderedSample]) -> list[EncodedSample | None]:
        """Encode each sample; None for one that `BoundaryTokenizer.encode` has to encode by itself."""
        raw = _SEPARATOR.join([sample.data for sample in samples])
        starts = np.cumsum([0, *(len(sample.data) + 1 for sample in samples)])
        offsets = self._split_offsets(raw, starts[1:-1] - 1)
        pieces = pa.Array.from_buffers(pa.binary(), len(offsets) - 1, [None, pa.py_buffer(offsets), pa.py_buffer(raw)])
        _, ends, ids = self._encode_pieces(pieces).buffers()
        tokens = np.frombuffer(ends, np.int32, len(offsets)) // ID_DTYPE.itemsize
        positions = [
            start + position
            for sample, start in zip(samples, starts.tolist(), strict=False)
            for position in _positions(sample)
        ]
        id_bytes = memoryview(ids or b"").cast("B")
        counts = iter(self._tokens_before(np.array(positions, np.int64), raw, offsets, tokens, id_bytes))
        return [self._encoded(sample, [next(counts) for _ in _positions(sample)], id_bytes) for sample in samples]

    def _encoded(self, sample: RenderedSample, counts: list[int], id_bytes: memoryview) -> EncodedSample | None:
        """The sample, given the number of tokens before each of its positions."""
        if min(counts) < 0 or sample.literals or not self._tokenizer.is_normalized(sample.data):
            return None
        begin, end, *ends = counts
        ends = [count - begin for count in ends[len(sample.boundaries) :]]
        ids = bytes(id_bytes[begin * ID_DTYPE.itemsize : end * ID_DTYPE.itemsize])
        return EncodedSample(ids, list(zip(ends[::2], ends[1::2], strict=True)))

    def _split_offsets(self, raw: bytes, separators: np.ndarray) -> np.ndarray:
        """Offsets of the pieces in `raw`, as Arrow wants them: every start, then the end.

        Text is split before a space that follows no other whitespace, around added tokens and around separators. A
        character that ends right before the space may be whitespace beyond ASCII, so its last two or three bytes are
        compared with those.
        """
        data = np.frombuffer(raw, np.uint8)
        is_split = np.zeros(len(data) + 1, bool)
        is_split[1:-1] = (data[1:] == _SPACE) & (data[:-1] > _SPACE)
        after_non_ascii = 1 + np.flatnonzero(is_split[1:-1] & (data[:-1] >= _ASCII_END))
        last, second, third = (data[after_non_ascii - back].astype(np.int32) for back in (1, 2, 3))
        two = last + (second << 8)
        three = two + (third << 16)
        is_split[after_non_ascii[np.isin(two, _UNICODE_SPACES) | np.isin(three, _UNICODE_SPACES)]] = False
        is_split[[0, -1]] = True
        is_split[[end for match in self._find_added(raw) for end in match.span()]] = True
        is_split[separators] = is_split[separators + 1] = True
        return np.flatnonzero(is_split).astype(np.int32)

    def _encode_pieces(self, pieces: Any) -> Any:
        """The ids of each piece as bytes, in a binary array."""
        found, ids = pc.index_in(pieces, self._pieces), self._ids
        if not found.null_count:
            return ids.take(found)
        is_missing = found.is_null()
        missing = pieces.filter(is_missing)
        new = missing.unique()
        new_ids = binary_array([self._tokenizer.encode_plain(piece.decode()) for piece in new.to_pylist()])
        indices = integer_array(to_numpy(pc.index_in(missing, new)) + np.int32(len(ids)))
        self._insert(new, new_ids)
        return pa.concat_arrays([ids, new_ids]).take(pc.replace_with_mask(found, is_missing, indices))

    def _insert(self, pieces: Any, ids: Any) -> None:
        if len(self._pieces) >= MAX_PIECES:
            self._clear()
        short = integer_array(np.flatnonzero(to_numpy(pc.binary_length(pieces)) <= MAX_PIECE_BYTES))
        self._pieces = pa.concat_arrays([self._pieces, pieces.take(short)])
        self._ids = pa.concat_arrays([self._ids, ids.take(short)])

    def _clear(self) -> None:
        """Reset the table to the separator and the added tokens, which must never be split into words."""
        fixed = {_SEPARATOR: b"", **self._added}
        self._pieces, self._ids = binary_array(list(fixed)), binary_array(list(fixed.values()))

    def _tokens_before(
        self, positions: np.ndarray, raw: bytes, offsets: np.ndarray, tokens: np.ndarray, id_bytes: memoryview
    ) -> list[int]:
        """The number of tokens of the batch before each position; -1 where a token may cross it.

        `offsets` and `tokens` are the start of each piece in bytes and the number of tokens before it. For a position
        within a piece, no token crosses it if the ids of the text before it begin the ids of the piece. One position
        in each piece is checked this way: with a second one, the text between the two would have to be checked, too.
        """
        at = np.searchsorted(offsets, positions)
        counts: list[int] = tokens[at].tolist()
        within = np.flatnonzero(offsets[at] != positions)
        pieces = at[within] - 1
        ends = (ends[pieces + next].tolist() for ends in (offsets, tokens) for next in (0, 1))
        first_position: dict[int, int] = {}
        for index, position, begin, end, first, last in zip(
            within.tolist(), positions[within].tolist(), *ends, strict=True
        ):
            start = raw[begin:position]
            is_short = len(start) <= MAX_PIECE_BYTES
            prefix = self._encode_prefix(start) if is_short else self._tokenizer.encode_plain(start.decode())
            ids = id_bytes[first * ID_DTYPE.itemsize : last * ID_DTYPE.itemsize]
            is_prefix = ids[: len(prefix)] == prefix and raw[begin:end] not in self._added
            is_only_one = first_position.setdefault(begin, position) == position
            counts[index] = first + len(prefix) // ID_DTYPE.itemsize if is_prefix and is_only_one else -1
        return counts


def _positions(sample: RenderedSample) -> list[int]:
    """The positions to count tokens at: both ends of the text, its boundaries, both ends of each span."""
    return [0, len(sample.data), *sample.boundaries, *(end for span in sample.trained for end in span)]
