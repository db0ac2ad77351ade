"""Compares two versions: rows added, removed, changed, and moved to another split.

Equal rows are matched first, each with one other: in the same split, then in another one. Of the rest, rows with the
same prompt are changed; the others are added or removed. In memory are 17 bytes for every row, and some 300 for every
one that differs. Spec: {"before", "after": {split: [paths]}, "kind", "offset",
"limit"}. Result: `curation.models.Difference` without the versions.
"""

from typing import Any, NamedTuple

import numpy as np

from services.dataset.engine.curation.duplicates import row_hash
from services.dataset.engine.curation.rows import SPLIT_ORDER, Splits, StoredRow, decode, read_at, read_splits
from services.dataset.engine.normalize import split_group
from shared.engine.process.protocol import Commands, Reporter

KINDS = ("changed", "removed", "added", "moved")
OCCURRENCE = np.uint64(0x9E3779B97F4A7C15)
"""Makes the second of two equal hashes another number: Fibonacci hashing's odd constant."""
SPLIT = np.uint64(0xC2B2AE3D27D4EB4F)
"""The same for equal rows of two splits: an odd constant of xxHash."""


class _Side(NamedTuple):
    """One version: what each row and its prompt hash to, and its split."""

    rows: np.ndarray
    prompts: np.ndarray
    splits: np.ndarray

    def rows_in_splits(self) -> np.ndarray:
        """Equal for equal rows of the same split."""
        return self.rows + self.splits.astype(np.uint64) * SPLIT


def main(spec: dict[str, Any], reporter: Reporter, commands: Commands) -> dict[str, Any]:
    """Compare all rows, and read one page of the differences."""
    before, after = (_read(spec[name], reporter) for name in ("before", "after"))
    old, new = _match(before.rows_in_splits(), after.rows_in_splits())
    unchanged, old_rest, new_rest = len(old), _others(before.rows, old), _others(after.rows, new)
    old, new = _match(before.rows[old_rest], after.rows[new_rest])
    moved = zip(old_rest[old].tolist(), new_rest[new].tolist(), strict=True)
    old_rest, new_rest = np.delete(old_rest, old), np.delete(new_rest, new)
    old_changed, new_changed = _match(before.prompts[old_rest], after.prompts[new_rest])
    pairs: dict[str, list[tuple[int | None, int | None]]] = {
        "changed": list(zip(old_rest[old_changed].tolist(), new_rest[new_changed].tolist(), strict=True)),
        "removed": [(row, None) for row in np.delete(old_rest, old_changed).tolist()],
        "added": [(None, row) for row in np.delete(new_rest, new_changed).tolist()],
        "moved": list(moved),
    }
    kinds = [spec["kind"]] if spec["kind"] else KINDS
    found = [(kind, *pair) for kind in kinds for pair in pairs[kind]]
    page = found[spec["offset"] : spec["offset"] + spec["limit"]]
    counts = {kind: len(pairs[kind]) for kind in KINDS}
    return {**counts, "unchanged": unchanged, "total": len(found), "rows": _rows(spec, page)}


def _read(splits: Splits, reporter: Reporter) -> _Side:
    rows, prompts, names = bytearray(), bytearray(), bytearray()
    for stored in read_splits(splits, reporter):
        rows += row_hash(stored.row)
        prompts += row_hash(split_group(decode(stored.row)).strip())
        names.append(SPLIT_ORDER.index(stored.split))
    return _Side(np.frombuffer(rows, np.uint64), np.frombuffer(prompts, np.uint64), np.frombuffer(names, np.uint8))


def _others(rows: np.ndarray, matched: np.ndarray) -> np.ndarray:
    """Return the positions that are not `matched`."""
    return np.setdiff1d(np.arange(len(rows)), matched)


def _match(before: np.ndarray, after: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the positions of equal hashes, each used once, in the order of `before`."""
    _, old, new = np.intersect1d(_numbered(before), _numbered(after), assume_unique=True, return_indices=True)
    order = np.argsort(old)
    return old[order], new[order]


def _numbered(hashes: np.ndarray) -> np.ndarray:
    """Add to each hash how often it occurred before."""
    order = np.argsort(hashes, kind="stable")
    ordered = hashes[order]
    starts = np.flatnonzero(np.concatenate([[True], ordered[1:] != ordered[:-1]])) if len(hashes) else order
    lengths = np.diff(np.append(starts, len(hashes)))
    occurrence = np.empty(len(hashes), np.uint64)
    occurrence[order] = np.arange(len(hashes)) - np.repeat(starts, lengths)
    return hashes + occurrence * OCCURRENCE


def _rows(spec: dict[str, Any], page: list[tuple[str, int | None, int | None]]) -> list[dict[str, Any]]:
    old = read_at(spec["before"], [before for _, before, _ in page if before is not None])
    new = read_at(spec["after"], [after for _, _, after in page if after is not None])
    return [
        {
            "kind": kind,
            "before": None if before is None else _shown(old[before]),
            "after": None if after is None else _shown(new[after]),
        }
        for kind, before, after in page
    ]


def _shown(stored: StoredRow) -> dict[str, Any]:
    return {"row_id": stored.row_id, "split": stored.split, "source": stored.source, "row": decode(stored.row)}
