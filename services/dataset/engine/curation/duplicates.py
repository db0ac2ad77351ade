"""Finds equal and nearly equal rows of a version, and held-out rows whose prompt is in train.

Spec: {"splits": {split: [paths]}, "rows"}. Result: `curation.models.Duplicates` without the version.
"""

from hashlib import blake2b
from typing import Any

import numpy as np

from services.dataset.engine.curation.rows import SPLIT_ORDER, Splits, decode, read_at, read_splits, texts
from services.dataset.engine.curation.similarity import near_pairs, signature
from services.dataset.engine.normalize import split_group
from shared.engine.process.protocol import Commands, Reporter

MAX_NEAR_ROWS = 200_000
"""Rows that are compared for near-duplicates: 1 KiB of memory each."""
SHOWN = 20
EXCERPT_CHARS = 300


def main(spec: dict[str, Any], reporter: Reporter, commands: Commands) -> dict[str, Any]:
    """Read the rows once; near-duplicates are left out above MAX_NEAR_ROWS."""
    splits: Splits = spec["splits"]
    near = spec["rows"] <= MAX_NEAR_ROWS
    rows, prompts = _Hashes(near), _Hashes(near)
    names: list[int] = []
    for stored in read_splits(splits, reporter):
        value = decode(stored.row)
        rows.add(stored.row, "\n".join(texts(value)))
        prompts.add(split_group(value).strip(), split_group(value))
        names.append(SPLIT_ORDER.index(stored.split))
    of_split = np.array(names, np.int8)
    equal = rows.equal_to()
    similar = {row: pair for row, pair in rows.near().items() if row not in equal}
    return {
        "rows": len(of_split),
        "exact": len(equal),
        "near": len(similar) if near else None,
        "examples": _examples(splits, similar),
        "overlap": [_overlap(splits, split, of_split, prompts) for split in SPLIT_ORDER[:2] if splits.get(split)],
    }


class _Hashes:
    """Hashes of texts, and their signatures."""

    def __init__(self, near: bool) -> None:
        self._near, self._hashes, self._signatures = near, bytearray(), bytearray()

    def add(self, exact: str, similar: str) -> None:
        self._hashes += row_hash(exact)
        if self._near:
            self._signatures += signature(similar).tobytes()

    @property
    def hashes(self) -> np.ndarray:
        return np.frombuffer(self._hashes, np.uint64)

    @property
    def signatures(self) -> np.ndarray:
        return np.frombuffer(self._signatures, np.uint32).reshape(-1, 128)

    def equal_to(self) -> dict[int, int]:
        """Return {row: the first row that it equals}."""
        _, first, inverse = np.unique(self.hashes, return_index=True, return_inverse=True)
        earlier = first[inverse]
        repeated = np.flatnonzero(earlier != np.arange(len(earlier)))
        return dict(zip(repeated.tolist(), earlier[repeated].tolist(), strict=True))

    def near(self) -> dict[int, tuple[int, float]]:
        return near_pairs(self.signatures) if self._near and self._signatures else {}


def row_hash(text: str) -> bytes:
    """Return 8 bytes; the chance that two of n rows share them is about n² / 2⁶⁵."""
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest()


def _overlap(splits: Splits, split: str, of_split: np.ndarray, prompts: _Hashes) -> dict[str, Any]:
    """Count rows of a held-out split whose prompt equals, or nearly equals, one of train."""
    held, train = (np.flatnonzero(of_split == SPLIT_ORDER.index(name)) for name in (split, "train"))
    hashes = prompts.hashes
    equal = {row for row, known in zip(held.tolist(), np.isin(hashes[held], hashes[train]), strict=True) if known}
    found: dict[int, tuple[int, float]] = {}
    if prompts._near:
        order = np.concatenate([train, held])  # train first: a bucket's first row is one of train, if it has one
        pairs = near_pairs(prompts.signatures[order], known=len(train))
        found = {
            int(order[row]): (int(order[first]), share) for row, (first, share) in pairs.items() if row >= len(train)
        }
    return {
        "split": split,
        "rows": len(held),
        "exact": len(equal),
        "near": len(found.keys() - equal) if prompts._near else None,
        "examples": _examples(splits, found),
    }


def _examples(splits: Splits, pairs: dict[int, tuple[int, float]]) -> list[dict[str, Any]]:
    shown = sorted(pairs.items(), key=lambda pair: (-pair[1][1], pair[0]))[:SHOWN]
    stored = read_at(splits, [position for row, (other, _) in shown for position in (row, other)])

    def example(position: int) -> dict[str, Any]:
        row = stored[position]
        text = "\n".join(texts(decode(row.row)))[:EXCERPT_CHARS]
        return {"row_id": row.row_id, "split": row.split, "source": row.source, "text": text}

    return [{"similarity": round(share, 3), "rows": [example(other), example(row)]} for row, (other, share) in shown]
