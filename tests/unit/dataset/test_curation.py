"""Versions of versions: searched, edited, compared, and searched for duplicates, in the test process."""

import json
from pathlib import Path
from typing import Any

import pytest

from services.dataset.curation.models import Difference, Duplicates
from services.dataset.engine.curation import compare, duplicates, edit, search
from services.dataset.engine.curation.rows import read_at, read_splits
from services.dataset.models import Edit, Report
from shared.engine.process.protocol import EngineError
from tests.unit.dataset.test_validate import SilentReporter, lines, validate

SILENT = SilentReporter(-1)
WORDS = "the quick brown fox jumps over the lazy dog while seven wizards brew strong green tea in an old quiet town"


def version(folder: Path, rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Validate rows as an upload; return the paths of its shards by split, and its report."""
    folder.mkdir()
    result = validate(folder, "rows.jsonl", lines(*rows))
    paths = {split: [str(folder / "out" / name) for name in names] for split, names in result["shards"].items()}
    return {"splits": paths, "report": result["report"]}


def edited(folder: Path, source: dict[str, Any], **fields: Any) -> dict[str, Any]:
    """Make a version from another one."""
    rows = fields.pop("rows", [])
    folder.mkdir()
    (folder / "out").mkdir()
    recipe = {"edit": Edit(parent="v1", **fields).model_dump() | {"rows": rows}, "report": source["report"]}
    (folder / "recipe").write_text(json.dumps(recipe))
    spec = {"recipe": str(folder / "recipe"), "splits": source["splits"], "out": str(folder / "out")}
    result = edit.main(spec, SILENT, None)  # type: ignore[arg-type]
    paths = {split: [str(folder / "out" / name) for name in names] for split, names in result["shards"].items()}
    return {"splits": paths, "report": result["report"]}


def difference(before: dict[str, Any], after: dict[str, Any], kind: str | None = None, offset: int = 0) -> Difference:
    spec = {"before": before["splits"], "after": after["splits"], "kind": kind, "offset": offset, "limit": 3}
    found = compare.main(spec, SILENT, None)  # type: ignore[arg-type]
    return Difference.model_validate(found | {"before": "v1", "after": "v2"})


def pairs(count: int, **fields: Any) -> list[dict[str, Any]]:
    return [{"prompt": f"Question {n}?", "completion": f"Answer {n}.", **fields} for n in range(count)]


def test_search_finds_texts_and_values_of_further_columns_but_no_keys(tmp_path: Path) -> None:
    rows = [{**row, "topic": "Süß" if n % 2 else "salt", "grade": n} for n, row in enumerate(pairs(30))]
    source = version(tmp_path / "a", [*rows, {"prompt": 'Say "role"', "completion": "GRÜN", "topic": "x", "grade": 1}])

    def find(text: str | None = None, where: str | None = None) -> list[int]:
        found, counts = [], {}
        for split in source["splits"]:
            spec = {"split": split, "splits": source["splits"], "offset": 0, "limit": 100}
            result = search.main(spec | {"search": text, "where": where}, SILENT, None)  # type: ignore[arg-type]
            counts[split] = len(result["rows"])
            found += [row["row_id"] for row in result["rows"]]
        assert result["matches"] == counts  # in every split, whichever one is shown
        return sorted(found)

    assert find("question 1") == [1, *range(10, 20)]
    assert find("grün") == [30]
    assert find('"ROLE"') == [30]  # a text, and not the key that every message has
    assert find("assistant") == []
    assert find(where="grade=1") == [1, 30]
    assert find("question", "topic=Süß") == list(range(1, 30, 2))


def test_excluded_rows_are_gone_and_all_others_are_the_same(tmp_path: Path) -> None:
    source = version(tmp_path / "a", [*pairs(30, topic="a"), *pairs(3, topic="b"), {"text": 1}])
    result = edited(tmp_path / "b", source, kind="exclude", rows=[0, 7], search="question 2?")
    report = Report.model_validate(result["report"])
    assert report.rows == sum(report.splits.values()) == 29  # 0, 7, and two rows with question 2
    assert (report.rejected, report.duplicates, report.kept_columns) == (0, 1, ["topic"])
    assert report.files[0].rows == 29
    before = {row.row_id: row for row in read_splits(source["splits"])}
    after = {row.row_id: row for row in read_splits(result["splits"])}
    assert before.keys() - after.keys() == {0, 7, 2, 32}
    assert all(before[id] == row for id, row in after.items())
    assert report.characters == sum(len(text) for n in range(30) if n not in (0, 2, 7) for text in _texts(n)) + sum(
        len(text) for n in range(2) for text in _texts(n)
    )
    again = edited(tmp_path / "c", source, kind="exclude", rows=[0, 7], search="question 2?")
    files = [sorted((tmp_path / name / "out").iterdir()) for name in "bc"]
    assert [path.read_bytes() for path in files[0]] == [path.read_bytes() for path in files[1]]
    assert again["report"] == result["report"]


def _texts(n: int) -> tuple[str, str]:
    return f"Question {n}?", f"Answer {n}."


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"rows": [3, 99]}, "no rows with the ids 99"),
        ({"search": "nowhere"}, "No row matches"),
        ({"search": "question"}, "No row would be left"),
    ],
)
def test_an_edit_without_an_effect_or_without_rows_is_refused(
    tmp_path: Path, fields: dict[str, Any], message: str
) -> None:
    source = version(tmp_path / "a", pairs(5))
    with pytest.raises(EngineError, match=message):
        edited(tmp_path / "b", source, kind="exclude", **fields)


def test_of_equal_rows_the_held_out_one_stays(tmp_path: Path) -> None:
    rows = [
        *pairs(10, split="train"),
        *pairs(3, split="test"),
        *pairs(12, split="validation"),
        *pairs(12, split="train"),
    ]
    source = version(tmp_path / "a", rows)
    report = edited(tmp_path / "b", source, kind="deduplicate")["report"]
    assert report["splits"] == {"train": 0, "validation": 9, "test": 3}
    assert report["duplicates"] == 0
    assert [warning["code"] for warning in report["warnings"]] == ["no_training_rows"]


def test_near_duplicates_and_overlap_are_found_and_removed(tmp_path: Path) -> None:
    def row(prompt: str, split: str) -> dict[str, Any]:
        return {"prompt": prompt, "completion": f"It says: {WORDS}", "split": split}

    rows = [
        row(f"Repeat after me now: {WORDS}, please", "train"),
        row(f"repeat after me NOW: {WORDS} - please!", "test"),  # another case, other punctuation
        row("Repeat after me: " + WORDS, "train"),  # equals the next one
        row("Repeat after me: " + WORDS, "validation"),
        row(" ".join(reversed(WORDS.split())), "train"),  # the same words in another order
        *(
            {"prompt": f"{n} {n * n} {n * 7}", "completion": f"{n} {n + 3} {n - 5}", "split": "train"}
            for n in range(50)
        ),
    ]
    source = version(tmp_path / "a", rows)
    spec = {"splits": source["splits"], "rows": len(rows)}
    found = Duplicates.model_validate(duplicates.main(spec, SILENT, None) | {"version": "v1"})  # type: ignore[arg-type]
    assert (found.rows, found.exact) == (55, 1)
    assert found.near == 1
    overlap = {item.split: (item.rows, item.exact, item.near) for item in found.overlap}
    assert overlap == {"test": (1, 0, 1), "validation": (1, 1, 0)}
    shown = found.overlap[0].examples[0]
    assert [excerpt.split for excerpt in shown.rows] == ["train", "test"]
    assert shown.similarity > 0.9
    report = edited(tmp_path / "b", source, kind="deduplicate", near=True)["report"]
    assert report["splits"] == {"train": 51, "validation": 1, "test": 1}


def test_held_out_rows_that_equal_each_other_each_count_as_overlap(tmp_path: Path) -> None:
    near = {"prompt": f"Repeat after me now: {WORDS}", "completion": "x", "split": "test"}
    rows = [{"prompt": f"Repeat after me now: {WORDS}, please", "completion": "x", "split": "train"}, near, near]
    spec = {"splits": version(tmp_path / "a", rows)["splits"], "rows": len(rows)}
    (overlap,) = (item for item in duplicates.main(spec, SILENT, None)["overlap"] if item["split"] == "test")  # type: ignore[arg-type]
    assert (overlap["rows"], overlap["exact"], overlap["near"]) == (2, 0, 2)
    assert {tuple(row["split"] for row in shown["rows"]) for shown in overlap["examples"]} == {("train", "test")}


def test_a_difference_names_rows_added_removed_changed_and_moved(tmp_path: Path) -> None:
    old = [
        *pairs(20, split="train"),
        *pairs(3, split="train"),
        {"prompt": "Twice", "completion": "a", "split": "train"},
    ]
    before = version(tmp_path / "a", [*old, {"prompt": "Gone", "completion": "x", "split": "train"}])
    new = [*old[1:22], {**old[22], "split": "test"}, {**old[23], "completion": "b"}, {**old[23], "completion": "c"}]
    after = version(tmp_path / "b", new)
    found = difference(before, after)
    counts = (found.added, found.removed, found.changed, found.moved, found.unchanged, found.total)
    assert counts == (1, 2, 1, 1, 21, 5)
    assert [row.kind for row in found.rows] == ["changed", "removed", "removed"]
    changed = found.rows[0]
    assert changed.before is not None
    assert changed.after is not None
    assert [row.row["messages"][1]["content"] for row in (changed.before, changed.after)] == ["a", "b"]
    (added,) = difference(before, after, "added").rows
    assert added.before is None
    rest = difference(before, after, offset=3).rows
    assert [row.kind for row in rest] == ["added", "moved"]
    (moved,) = difference(before, after, "moved").rows
    assert [row and row.split for row in (moved.before, moved.after)] == ["train", "test"]
    same = difference(before, before)
    assert (same.total, same.unchanged) == (0, 25)


def test_rows_are_read_by_their_position(tmp_path: Path) -> None:
    source = version(tmp_path / "a", pairs(4_500))
    every = list(read_splits(source["splits"]))
    wanted = [0, 3, 449, 2_500, 4_499]
    assert read_at(source["splits"], wanted) == {position: every[position] for position in wanted}


def test_of_a_row_in_two_splits_the_one_that_is_gone_is_removed(tmp_path: Path) -> None:
    splits = version(tmp_path / "a", pairs(9))["splits"]
    shards = [path for paths in splits.values() for path in paths]
    found = difference({"splits": {"test": shards, "train": shards}}, {"splits": {"train": shards}})
    assert (found.removed, found.unchanged, found.moved, found.added) == (9, 9, 0, 0)
    assert {row.before.split for row in found.rows if row.before} == {"test"}
    found = difference({"splits": {"test": shards}}, {"splits": {"train": shards}})
    assert (found.removed, found.unchanged, found.moved, found.added) == (0, 0, 9, 0)
