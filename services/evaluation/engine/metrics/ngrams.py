"""N-grams that two lists of words share, for BLEU and ROUGE."""

from collections import Counter
from collections.abc import Iterable, Sequence

_LONG = 3
"""From this order on, few n-grams occur twice."""


def count_shared(left: Sequence[str], right: Sequence[str], n: int) -> int:
    """Count the n-grams of both, each as often as in the list that has it less often.

    Where no n-gram occurs twice in one of the lists, sets suffice, which are built in half the time.
    """
    if n >= _LONG:
        one, other = set(_ngrams(left, n)), set(_ngrams(right, n))
        if len(one) >= len(left) - n + 1 or len(other) >= len(right) - n + 1:
            return len(one & other)
    counts, others = Counter(_ngrams(left, n)), Counter(_ngrams(right, n))
    shared = counts.keys() & others.keys()
    return sum(map(min, map(counts.__getitem__, shared), map(others.__getitem__, shared)))


def _ngrams(words: Sequence[str], n: int) -> Iterable[str | tuple[str, ...]]:
    return words if n == 1 else zip(*(words[start:] for start in range(n)), strict=False)
