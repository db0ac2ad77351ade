"""The validation engine from file to shards, in the test process."""

import json
import zipfile
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from services.dataset.engine.shards import read_rows
from services.dataset.engine.validate import main
from services.dataset.models import Options, Report
from shared.engine.process.protocol import EngineError, Reporter


class SilentReporter(Reporter):
    """Discards every message."""

    def emit(self, kind: str, **data: Any) -> None:
        """Do nothing."""


def validate(folder: Path, name: str, content: bytes, **options: Any) -> dict[str, Any]:
    """Run the engine on a file of this content."""
    (folder / "out").mkdir(exist_ok=True)
    (folder / "upload").write_bytes(content)
    spec = {"path": str(folder / "upload"), "name": name, "out": str(folder / "out")}
    return main({**spec, "options": Options(**options).model_dump()}, SilentReporter(-1), None)  # type: ignore[arg-type]


def lines(*rows: Any) -> bytes:
    return b"".join(json.dumps(row).encode() + b"\n" for row in rows)


def test_report_shards_and_rejected_rows(tmp_path: Path) -> None:
    rows = [{"question": f"q{n % 30}", "answer": f"a{n % 30}"} for n in range(40)]
    content = lines(*rows) + b'{"question": "cut\n'
    result = validate(tmp_path, "qa.jsonl", content)
    report = Report.model_validate(result["report"])
    assert (report.rows, report.rejected, report.duplicates) == (40, 1, 10)
    assert (report.form, report.layout, report.columns) == ("messages", "question/answer", ["question", "answer"])
    assert report.characters == sum(len(row["question"] + row["answer"]) for row in rows)
    assert sum(report.splits.values()) == 40
    assert report.files[0].model_dump() == {"name": "qa.jsonl", "split": None, "rows": 40, "rejected": 1}
    (bad,) = (tmp_path / "out" / "rejected.jsonl").read_text().splitlines()
    reason = "not JSON: the line ends too early; every row is one line"
    assert json.loads(bad) == {"file": "qa.jsonl", "line": 41, "reason": reason, "row": '{"question": "cut\n'}
    stored = [
        row
        for names in result["shards"].values()
        for row in read_rows([str(tmp_path / "out" / n) for n in names], 0, 99)
    ]
    assert sorted(row[0] for row in stored) == list(range(40))
    first = next(row for row in stored if row[0] == 0)
    assert first[1] == "qa.jsonl:1"
    assert json.loads(first[2])["messages"][1] == {"role": "assistant", "content": "a0"}
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == [
        "rejected.jsonl",
        "train-00000.parquet",
        "validation-00000.parquet",
    ]


def test_conversations_of_several_formats_in_one_file(tmp_path: Path) -> None:
    openai = [{"role": "user", "content": "é"}, {"role": "assistant", "content": "b"}]
    sharegpt = [{"from": "human", "value": "é"}, {"from": "gpt", "value": "b"}]
    rows = [{"messages": turns, "id": id} for id, turns in enumerate([openai, sharegpt, openai[:1], openai])]
    result = validate(tmp_path, "t.jsonl", lines(*rows), max_bad_share=0.5, validation_share=0)
    report = Report.model_validate(result["report"])
    assert (report.rows, report.duplicates, report.characters, report.columns) == (3, 2, 6, ["messages", "id"])
    assert [(row.line, row.reason) for row in report.rejected_rows] == [
        (3, "messages has no assistant message: there is nothing to train on")
    ]
    stored = read_rows([str(tmp_path / "out" / name) for name in result["shards"]["train"]], 0, 9)
    assert [(id, source, json.loads(row)) for id, source, row in stored] == [
        (id, f"t.jsonl:{id + 1}", {"messages": openai}) for id in (0, 1, 3)
    ]


def test_short_values_of_further_columns_are_kept(tmp_path: Path) -> None:
    """Also on the fast path, which begins with the second row; ids, long and nested values are not."""
    talk = [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]
    more = {"category": "billing", "level": 2, "id": "7", "note": "x" * 200, "nested": {"a": 1}, "empty": ""}
    rows: list[dict[str, object]] = [
        {"messages": [{"role": 7}], **{f"stray{number}": 1 for number in range(20)}},  # rejected: takes no place
        {"messages": talk, **more},
        {"messages": talk, **more, "category": "a\nb"},
        {"messages": talk, "level": 3},
    ]
    content = "\n".join(json.dumps(row) for row in rows).encode()
    result = validate(tmp_path, "t.jsonl", content, validation_share=0, max_bad_share=0.5)
    assert result["report"]["kept_columns"] == ["category", "level"]
    table = pq.read_table(tmp_path / "out" / result["shards"]["train"][0])
    kept = [json.loads(text or "{}") for text in table["columns"].to_pylist()]
    assert kept == [{"category": "billing", "level": 2}, {"level": 2}, {"level": 3}]


def test_too_many_bad_rows_reject_the_dataset_and_the_first_twenty_are_reported(tmp_path: Path) -> None:
    content = lines({"text": "fine"}, *[{"text": ""}] * 30)
    with pytest.raises(EngineError) as failure:
        validate(tmp_path, "t.jsonl", content, max_bad_share=0.5)
    error = failure.value
    assert error.code == "dataset_rejected"
    assert "30 of 31 rows are bad (96.8%); 50.0% are allowed. First: t.jsonl line 2: text is empty." in error.detail
    assert len(error.fields["report"]["rejected_rows"]) == 20
    assert error.fields["limit"] == {"max_bad_share": 0.5}
    assert validate(tmp_path, "t.jsonl", content, max_bad_share=0.97)["report"]["rejected"] == 30


@pytest.mark.parametrize("content", [b"\n\n", lines("a string", 7), lines({"text": None})])
def test_upload_without_a_usable_row_is_rejected(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(EngineError, match="The upload has no usable row"):
        validate(tmp_path, "t.jsonl", content, max_bad_share=1.0)


def test_unknown_columns_are_listed_with_the_syntax_of_a_mapping(tmp_path: Path) -> None:
    with pytest.raises(EngineError) as failure:
        validate(tmp_path, "t.jsonl", lines({"x": "1", "y": "2"}))
    assert failure.value.code == "layout_not_recognised"
    assert failure.value.fields["columns"] == ["x", "y"]
    assert '{"prompt": "<your column>"' in failure.value.fields["remedy"]
    with pytest.raises(EngineError, match="no column 'z'"):
        validate(tmp_path, "t.jsonl", lines({"x": "1", "y": "2"}), mapping={"prompt": "x", "completion": "z"})
    mapped = validate(tmp_path, "t.jsonl", lines({"x": "1", "y": "2"}), mapping={"prompt": "x", "completion": "y"})
    assert mapped["report"]["layout"] == "prompt/completion"


def test_odd_rows_before_the_first_good_one_are_rejected_alone(tmp_path: Path) -> None:
    report = validate(tmp_path, "t.jsonl", lines({"x": 1}, *[{"text": f"t{n}"} for n in range(30)]))["report"]
    assert report["rejected_rows"] == [{"file": "t.jsonl", "line": 1, "reason": "column 'text' is missing"}]


def test_archive_of_several_formats_is_one_dataset(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as file:
        file.writestr("a.csv", "question,answer\n1+1,2\n")
        file.writestr("deep/b.json", '[{"prompt": "2+2", "completion": "4"}]')
        file.writestr("LICENSE", "free")
    report = validate(tmp_path, "a.zip", (tmp_path / "a.zip").read_bytes())["report"]
    assert report["layout"] == "question/answer, prompt/completion"
    assert [file["name"] for file in report["files"]] == ["a.csv", "deep/b.json"]
    assert (report["rows"], report["ignored_files"]) == (2, ["LICENSE"])


def test_texts_and_conversations_cannot_be_mixed(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as file:
        file.writestr("a.csv", "question,answer\n1+1,2\n")
        file.writestr("b.txt", "Only text.")
    with pytest.raises(EngineError, match=r"b\.txt holds texts, but a\.csv holds conversations"):
        validate(tmp_path, "a.zip", (tmp_path / "a.zip").read_bytes())


def test_damaged_member_is_named(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as file:
        file.writestr("a.txt", "some text that is stored")
    content = (tmp_path / "a.zip").read_bytes().replace(b"some text", b"same text")
    with pytest.raises(EngineError, match=r"a\.txt in the archive is damaged") as failure:
        validate(tmp_path, "a.zip", content)
    assert failure.value.code == "archive_refused"


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_damaged_compressed_member_is_named(tmp_path: Path, method: int) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w", method) as file:
        file.writestr("a.txt", "some text " * 50)
    content = bytearray((tmp_path / "a.zip").read_bytes())
    content[45:60] = b"\xaa" * 15
    with pytest.raises(EngineError, match=r"a\.txt in the archive is damaged"):
        validate(tmp_path, "a.zip", bytes(content))


def test_row_with_a_lone_surrogate_is_rejected(tmp_path: Path) -> None:
    report = validate(tmp_path, "t.json", b'[{"text": "\\ud800"}, {"text": "fine"}]', max_bad_share=0.5)["report"]
    assert "lone surrogate" in report["rejected_rows"][0]["reason"]


def test_the_same_upload_gives_the_same_bytes(tmp_path: Path) -> None:
    content = lines(*[{"text": f"row {n}"} for n in range(100)])
    found = []
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        validate(tmp_path / name, "t.jsonl", content)
        found.append({path.name: path.read_bytes() for path in (tmp_path / name / "out").iterdir()})
    assert found[0] == found[1]
