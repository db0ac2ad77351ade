"""Near-duplicate texts by MinHash and locality-sensitive hashing.

Broder, On the resemblance and containment of documents (1997); banding as in Leskovec, Rajaraman, Ullman, Mining of
Massive Datasets, 3.4. A text is the set of its runs of three words; the share of equal minima of 128 hash functions
estimates the Jaccard similarity with a standard deviation of 0.035 at 0.8. With 32 bands of 4 rows, a pair with a
similarity of 0.8 shares a bucket with a probability above 0.9999.
"""

import re
from collections.abc import Iterator
from zlib import crc32

import numpy as np

THRESHOLD = 0.8
"""Jaccard similarity from which two texts are near-duplicates."""
BANDS, BAND_ROWS = 32, 4
SHINGLE_WORDS = 3
WORD = re.compile(r"\w+")
_random = np.random.Generator(np.random.PCG64(0))
MULTIPLIERS = _random.integers(1 << 63, size=BANDS * BAND_ROWS, dtype=np.uint64) * np.uint64(2) + np.uint64(1)
OFFSETS = _random.integers(1 << 63, size=BANDS * BAND_ROWS, dtype=np.uint64)
"""Multiply-shift hashing (Dietzfelbinger et al., 1997); the same in every run."""
CHUNK_SHINGLES = 4_096


def signature(text: str) -> np.ndarray:
    """Return the 128 minima of a text, as uint32. Case and punctuation do not count."""
    words = WORD.findall(text.casefold()) or [text]
    runs = {" ".join(words[i : i + SHINGLE_WORDS]) for i in range(max(1, len(words) - SHINGLE_WORDS + 1))}
    hashes = np.fromiter((crc32(run.encode("utf-8", "surrogatepass")) for run in runs), np.uint64, len(runs))
    minima = np.full(len(MULTIPLIERS), np.iinfo(np.uint32).max, np.uint32)
    for start in range(0, len(hashes), CHUNK_SHINGLES):
        products = hashes[start : start + CHUNK_SHINGLES, None] * MULTIPLIERS + OFFSETS
        minima = np.minimum(minima, (products >> np.uint64(32)).min(axis=0).astype(np.uint32))
    return minima


def near_pairs(signatures: np.ndarray, known: int | None = None) -> dict[int, tuple[int, float]]:
    """Return {row: (an earlier row, similarity)} for the rows that are near-duplicates of an earlier one.

    Within a bucket, rows are compared with its first row: a group of n equal texts takes n comparisons.
    With `known`, only pairs whose earlier row is one of the first `known` rows count.
    """
    found: dict[int, tuple[int, float]] = {}
    for first, others in _buckets(signatures):
        if known is not None and first >= known:
            continue
        shares = (signatures[others] == signatures[first]).mean(axis=1)
        for row, share in zip(others[shares >= THRESHOLD].tolist(), shares[shares >= THRESHOLD].tolist(), strict=True):
            if share > found.get(row, (0, 0.0))[1]:
                found[row] = (first, share)
    return found


def _buckets(signatures: np.ndarray) -> Iterator[tuple[int, np.ndarray]]:
    """Yield the first row of every bucket with several rows, and the others, in ascending order."""
    for band in range(BANDS):
        part = np.ascontiguousarray(signatures[:, band * BAND_ROWS : (band + 1) * BAND_ROWS])
        keys = part.view(np.dtype((np.void, part.dtype.itemsize * BAND_ROWS))).ravel()
        order = np.argsort(keys, kind="stable")
        ends = np.flatnonzero(keys[order][1:] != keys[order][:-1]) + 1
        for bucket in np.split(order, ends):
            if len(bucket) > 1:
                yield int(bucket[0]), bucket[1:]
