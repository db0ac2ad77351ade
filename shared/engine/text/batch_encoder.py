"""Token ids of many texts at once: what stands between two spaces is looked up by the hundred thousand, in C.

The texts are joined, cut at spaces and added tokens, and each piece found among those that were seen before; only new
ones are cut into words. Exact for tokenizers whose words end at spaces (`WordTokenizer.spaces_end_words`). pyarrow
starts threads, so this is imported only where there is much to tokenize.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from shared.engine.arrow import binary, integers, numbers
from shared.engine.text.bpe_cache import ID, WordTokenizer
from shared.engine.text.tokenize import Encoded, Marked

MOST_PIECES = 200_000
"""Remembered at once, some 6 MB; then they are forgotten and learned anew."""
LONGEST = 48
"""Bytes of a piece that is remembered; longer ones hardly repeat."""
_SEPARATOR = b"\xff"  # in no UTF-8
_SPACE, _ASCII = ord(" "), 0x80
_SPACES = [0xC285, 0xC2A0, 0xE19A80, *range(0xE28080, 0xE2808B), 0xE280A8, 0xE280A9, 0xE280AF, 0xE2819F, 0xE38080]
"""Unicode's spaces beyond ASCII, as the bytes of their UTF-8."""


class Blocks:
    """Looks up blocks of texts for one tokenizer."""

    def __init__(self, words: WordTokenizer) -> None:
        self._words = words
        words.remember_alone()
        self._apart = {token.encode(): ids for token, ids in words.added.items()}
        longest_first = sorted(map(re.escape, self._apart), key=len, reverse=True)
        self._find_apart = re.compile(b"|".join(longest_first) or b"(?!)").finditer
        self._short = lru_cache(10_000)(lambda text: words.plain(text.decode()))
        self._pieces: Any
        self._ids: Any
        self._forget()

    def encode(self, texts: Sequence[Marked]) -> list[Encoded | None]:
        """Each text's ids and spans; None for a text that `BoundaryTokenizer.encode` has to look at by itself."""
        raw = _SEPARATOR.join([text.data for text in texts])
        begins = np.cumsum([0, *(len(text.data) + 1 for text in texts)])
        offsets = self._cuts(raw, begins[1:-1] - 1)
        pieces = pa.Array.from_buffers(pa.binary(), len(offsets) - 1, [None, pa.py_buffer(offsets), pa.py_buffer(raw)])
        _, ends, ids = self._ids_of(pieces).buffers()
        tokens = np.frombuffer(ends, np.int32, len(offsets)) // ID.itemsize
        places = [begin + place for text, begin in zip(texts, begins.tolist(), strict=False) for place in _places(text)]
        packed = memoryview(ids or b"").cast("B")
        counts = iter(self._tokens_before(np.array(places, np.int64), raw, offsets, tokens, packed))
        return [self._found(text, [next(counts) for _ in _places(text)], packed) for text in texts]

    def _found(self, text: Marked, counts: list[int], packed: memoryview) -> Encoded | None:
        if min(counts) < 0 or not self._words.takes(text.data):
            return None
        begin, end, *ends = counts
        ends = [count - begin for count in ends[len(text.boundaries) :]]
        ids = bytes(packed[begin * ID.itemsize : end * ID.itemsize])
        return Encoded(ids, list(zip(ends[::2], ends[1::2], strict=True)))

    def _cuts(self, raw: bytes, separators: np.ndarray) -> np.ndarray:
        """Where pieces begin, and the end."""
        data = np.frombuffer(raw, np.uint8)
        cuts = np.zeros(len(data) + 1, bool)
        cuts[1:-1] = (data[1:] == _SPACE) & (data[:-1] > _SPACE)
        foreign = 1 + np.flatnonzero(cuts[1:-1] & (data[:-1] >= _ASCII))
        last, second, third = (data[foreign - back].astype(np.int32) for back in (1, 2, 3))
        two = last + (second << 8)
        cuts[foreign[np.isin(two, _SPACES) | np.isin(two + (third << 16), _SPACES)]] = False
        cuts[[0, -1]] = True
        cuts[[end for match in self._find_apart(raw) for end in match.span()]] = True
        cuts[separators] = cuts[separators + 1] = True
        return np.flatnonzero(cuts).astype(np.int32)

    def _ids_of(self, pieces: Any) -> Any:
        """The packed ids of each piece, as a binary array."""
        found, ids = pc.index_in(pieces, self._pieces), self._ids
        if not found.null_count:
            return ids.take(found)
        unknown = found.is_null()
        others = pieces.filter(unknown)
        new = others.unique()
        new_ids = binary([self._words.plain(piece.decode()) for piece in new.to_pylist()])
        indices = integers(numbers(pc.index_in(others, new)) + np.int32(len(ids)))
        self._remember(new, new_ids)
        return pa.concat_arrays([ids, new_ids]).take(pc.replace_with_mask(found, unknown, indices))

    def _remember(self, pieces: Any, ids: Any) -> None:
        if len(self._pieces) >= MOST_PIECES:
            self._forget()
        short = integers(np.flatnonzero(numbers(pc.binary_length(pieces)) <= LONGEST))
        self._pieces = pa.concat_arrays([self._pieces, pieces.take(short)])
        self._ids = pa.concat_arrays([self._ids, ids.take(short)])

    def _forget(self) -> None:
        """Only what is never cut into words stays."""
        apart = {_SEPARATOR: b"", **self._apart}
        self._pieces, self._ids = binary(list(apart)), binary(list(apart.values()))

    def _tokens_before(
        self, places: np.ndarray, raw: bytes, offsets: np.ndarray, tokens: np.ndarray, packed: memoryview
    ) -> list[int]:
        """How many tokens of the block lie before each place; -1 where one may lie across it."""
        at = np.searchsorted(offsets, places)
        counts: list[int] = tokens[at].tolist()
        within = np.flatnonzero(offsets[at] != places)
        pieces = at[within] - 1
        ends = (ends[pieces + next].tolist() for ends in (offsets, tokens) for next in (0, 1))
        seen: dict[int, int] = {}
        for index, place, begin, end, first, last in zip(within.tolist(), places[within].tolist(), *ends, strict=True):
            start = raw[begin:place]
            prefix = self._short(start) if len(start) <= LONGEST else self._words.plain(start.decode())
            ids = packed[first * ID.itemsize : last * ID.itemsize]
            whole = ids[: len(prefix)] == prefix and raw[begin:end] not in self._apart
            alone = seen.setdefault(begin, place) == place
            counts[index] = first + len(prefix) // ID.itemsize if whole and alone else -1
        return counts


def _places(text: Marked) -> list[int]:
    """Its two ends, its boundaries, and both ends of each span."""
    return [0, len(text.data), *text.boundaries, *(end for span in text.trained for end in span)]
