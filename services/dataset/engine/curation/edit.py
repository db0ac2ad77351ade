"""Makes a version of the rows of another one: without some rows, or without duplicates.

Rows keep their ids, sources, splits and further columns. Spec: {"recipe": a JSON file {"edit", "report": of the other
version}, "splits": {split: [paths]}, "out": an empty folder}. Result: {"report", "shards"}, as of a validation.
"""

import json
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

import numpy as np

from services.dataset.engine.curation.duplicates import MAX_NEAR_ROWS, row_hash
from services.dataset.engine.curation.rows import RowFilter, Splits, StoredRow, decode, read_splits, texts
from services.dataset.engine.curation.similarity import near_pairs, signature
from services.dataset.engine.duplicates import DuplicateCounter
from services.dataset.engine.findings import Findings, report_warnings
from services.dataset.engine.normalize import count_characters
from services.dataset.engine.shards import ShardWriter
from shared.engine.process.protocol import Commands, EngineError, Reporter
from shared.engine.text.features import row_features

RECOUNTED = {"rows_rejected", "no_training_rows", "duplicates", "template_markers", "media_placeholders"}
"""Warnings about the rows, which are counted again; the others are of the upload and stay."""


def main(spec: dict[str, Any], reporter: Reporter, commands: Commands) -> dict[str, Any]:
    """Decide which rows stay, then write them. Raises EngineError dataset_rejected where none go, or none stay."""
    recipe = json.loads(Path(spec["recipe"]).read_bytes())
    splits: Splits = spec["splits"]
    edit = recipe["edit"]
    drop = _excluded(edit, splits, reporter) if edit["kind"] == "exclude" else _repeated(edit, splits, reporter)
    if not drop.any():
        detail = "No row matches." if edit["kind"] == "exclude" else "There are no duplicates."
        remedy = "Keep the version as it is, or choose other rows."
        raise EngineError("dataset_rejected", detail, field="rows", remedy=remedy)
    if drop.all():
        raise EngineError("dataset_rejected", "No row would be left.", field="rows", remedy="Exclude fewer rows.")
    writer = _Writer(Path(spec["out"]), recipe["report"])
    for stored, dropped in zip(read_splits(splits, reporter), drop, strict=True):
        if not dropped:
            writer.add(stored)
    return writer.finish()


def _excluded(edit: dict[str, Any], splits: Splits, reporter: Reporter) -> np.ndarray:
    """Whether each row is excluded: by its id, or by the filter. Raises EngineError for ids that do not exist."""
    ids, missing = set(edit["rows"]), set(edit["rows"])
    matches = RowFilter(edit["search"], edit["where"])
    dropped = bytearray()
    for stored in read_splits(splits, reporter):
        missing.discard(stored.row_id)
        in_split = edit["split"] in (None, stored.split)
        found = not matches.selects_all and in_split and matches(stored.row, stored.columns)
        dropped.append(found or stored.row_id in ids)
    if missing:
        detail = f"The version has no rows with the ids {', '.join(map(str, sorted(missing)[:10]))}."
        remedy = "Take row ids from the preview of this version."
        raise EngineError("dataset_rejected", detail, field="rows", remedy=remedy)
    return np.frombuffer(dropped, np.bool_)


def _repeated(edit: dict[str, Any], splits: Splits, reporter: Reporter) -> np.ndarray:
    """Whether each row equals, or nearly equals, one before it: in test, then validation, then train."""
    hashes, signatures = bytearray(), bytearray()
    for stored in read_splits(splits, reporter):
        hashes += row_hash(stored.row)
        if edit["near"]:
            signatures += signature("\n".join(texts(decode(stored.row)))).tobytes()
            if len(hashes) > 8 * MAX_NEAR_ROWS:
                detail = f"The version has more than {MAX_NEAR_ROWS} rows."
                remedy = "Leave near out: equal rows are found in versions of any size."
                raise EngineError("dataset_rejected", detail, field="near", limit=MAX_NEAR_ROWS, remedy=remedy)
    _, first = np.unique(np.frombuffer(hashes, np.uint64), return_index=True)
    drop = np.ones(len(hashes) // 8, np.bool_)
    drop[first] = False
    if edit["near"]:
        pairs = near_pairs(np.frombuffer(signatures, np.uint32).reshape(len(drop), -1))
        for row in sorted(pairs):  # a row that goes takes no other one with it
            if not drop[pairs[row][0]]:
                drop[row] = True
    return drop


class _Writer:
    """Writes the rows that stay, and counts them anew."""

    def __init__(self, out: Path, report: dict[str, Any]) -> None:
        self._out, self._report = out, report
        self._writers: dict[str, ShardWriter] = {}
        self._duplicates = DuplicateCounter(out / "hashes")
        self._features, self._findings = Findings(), Findings()
        self._files: defaultdict[str, Counter[str]] = defaultdict(Counter)
        self._characters = 0

    def add(self, stored: StoredRow) -> None:
        """Write a row to its split."""
        encoded, row = stored.row.encode("utf-8", "surrogatepass"), decode(stored.row)
        if stored.split not in self._writers:
            self._writers[stored.split] = ShardWriter(self._out, stored.split)
        self._writers[stored.split].add((stored.row_id, stored.source, encoded, stored.columns.encode()))
        self._duplicates.add(encoded)
        self._findings.add_markers(encoded, stored.source)
        for feature in row_features(row) if stored.split != "test" else ():
            self._features.add(feature, stored.source)
        self._files[stored.source.rpartition(":")[0]][stored.split] += 1
        self._characters += count_characters(row)

    def finish(self) -> dict[str, Any]:
        """Close the shards and return the result."""
        (self._out / "rejected.jsonl").touch()
        for writer in self._writers.values():
            writer.close()
        order = ("train", "validation", *(("test",) if "test" in self._writers else ()))
        splits = {name: self._writers[name].rows if name in self._writers else 0 for name in order}
        shards = {name: self._writers[name].names if name in self._writers else [] for name in order}
        files = {file["name"]: file for file in self._report["files"]}
        report = self._report | {
            "rows": sum(splits.values()),
            "rejected": 0,
            "rejected_rows": [],
            "duplicates": self._duplicates.count(),
            "features": self._features.counts(),
            "splits": splits,
            "characters": self._characters,
            "files": [
                {"name": name, "split": files.get(name, {}).get("split"), "rows": counts.total(), "rejected": 0}
                for name, counts in self._files.items()
            ],
        }
        kept = [warning for warning in self._report["warnings"] if warning["code"] not in RECOUNTED]
        columns = {warning["code"] for warning in kept}
        found = report_warnings(
            report, self._findings, heldout=not splits["train"] and not self._report["splits"]["train"]
        )
        report["warnings"] = [*kept, *(warning for warning in found if warning["code"] not in columns)]
        return {"report": report, "shards": shards}
