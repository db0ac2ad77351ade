"""N-grams that pairs of texts share, for BLEU and ROUGE: counted for a block of pairs at once, on numbers of tokens."""

from collections.abc import Callable, Iterable, Sequence
from itertools import chain

import numpy as np
from numpy.typing import NDArray

Tokens = list[int]
_BLOCK = 256
"""Pairs at a time: their arrays stay in the processor's cache."""


class Encoder(dict[str, tuple[int, ...]]):
    """Numbers of the tokens of texts, kept by word. `split` gives the tokens of a word between white space."""

    def __init__(self, split: Callable[[str], Iterable[str]]) -> None:
        super().__init__()
        self._split = split
        self._numbers: dict[str, int] = {}

    def __missing__(self, word: str) -> tuple[int, ...]:
        numbers = self._numbers
        found = self[word] = tuple(numbers.setdefault(token, len(numbers)) for token in self._split(word))
        return found

    def encode(self, text: str) -> Tokens:
        """Return the number of each token; equal tokens of all texts have the same."""
        return list(chain.from_iterable(map(self.__getitem__, text.split())))


def shared_ngrams(left: Sequence[Tokens], right: Sequence[Tokens], orders: int) -> NDArray[np.int64]:
    """Count the n-grams in both texts of each pair, for n = 1 … orders: [pairs, orders].

    Each counts as often as in the text that has it less often.
    """
    blocks = [
        _shared(left[start : start + _BLOCK], right[start : start + _BLOCK], orders)
        for start in range(0, len(left), _BLOCK)
    ]
    return np.concatenate([np.zeros((0, orders), np.int64), *blocks])


def _shared(left: Sequence[Tokens], right: Sequence[Tokens], orders: int) -> NDArray[np.int64]:
    """Number the n-grams of each pair: one of order n is that of order n - 1 at its start and its last token."""
    pairs, texts = len(left), [*left, *right]
    lengths = np.array([len(text) for text in texts])
    tokens = np.array(list(chain.from_iterable(texts)), np.int64)
    pair = np.repeat(np.arange(len(texts)) % pairs, lengths)
    ends = np.repeat(lengths.cumsum(), lengths)
    size, middle, starts = max(tokens.max(initial=0) + 1, len(tokens)), lengths[:pairs].sum(), np.arange(len(tokens))
    codes, counts = pair * size + tokens, np.zeros((pairs, orders), np.int64)
    for n in range(1, orders + 1):
        distinct, ngrams = np.unique(codes, return_inverse=True)
        if n == 1:
            words = ngrams
        left_ones, right_ones = np.split(ngrams, [np.searchsorted(starts, middle)])
        shared = np.minimum(*(np.bincount(ones, minlength=len(distinct)) for ones in (left_ones, right_ones)))
        owner = np.zeros(len(distinct), np.int64)
        owner[ngrams] = pair[starts]
        counts[:, n - 1] = np.bincount(owner, shared, minlength=pairs)
        longer = (starts + n < ends[starts]) & (shared[ngrams] > 0)  # nothing longer is shared elsewhere
        starts = starts[longer]
        codes = ngrams[longer] * size + words[starts + n]
    return counts
