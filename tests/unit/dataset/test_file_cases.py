"""What users of other tools bring as files: each is read, refused, or named in the report."""

import gzip
import io
import json
import zipfile
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from services.dataset.engine import content
from services.dataset.formats import MAX_EXPANSION, extension_of, name_without_extension
from shared.engine.process.protocol import Commands, EngineError
from tests.support.data_cases import data_case
from tests.unit.dataset.test_validate import SilentReporter, lines, validate

PAIRS = [{"prompt": f"Colour of number {n}?", "completion": f"Shade {n}"} for n in range(20)]
TALKS = [[{"role": "user", "content": f"Hi {n}"}, {"role": "assistant", "content": "Ho"}] for n in range(20)]
TABLE = "\n".join(["prompt,completion", *(",".join(row.values()) for row in PAIRS)])


class Upload:
    """A validated upload: its report, its warnings by code, and its rows as the files API gives them back."""

    def __init__(self, folder: Path, name: str, data: bytes | str, **options: Any) -> None:
        result = validate(folder, name, data.encode() if isinstance(data, str) else data, **options)
        self.report: dict[str, Any] = result["report"]
        self.splits: dict[str, int] = self.report["splits"]
        self.warnings = {warning["code"]: warning for warning in self.report["warnings"]}
        shards = {split: [str(folder / "out" / name) for name in names] for split, names in result["shards"].items()}
        content.main({"splits": shards, "out": str(folder / "rows.jsonl")}, SilentReporter(-1), Commands(io.BytesIO()))
        self.rows = [json.loads(line) for line in (folder / "rows.jsonl").read_text().splitlines()]

    @property
    def answers(self) -> list[str]:
        """The last message of each row."""
        return [row["messages"][-1]["content"] for row in self.rows]


ANSWERS = [row["completion"] for row in PAIRS]


def refusal(folder: Path, name: str, data: bytes | str, **options: Any) -> EngineError:
    """Return the error with which an upload is refused."""
    with pytest.raises(EngineError) as error:
        Upload(folder, name, data, **options)
    return error.value


def zipped(**members: bytes | str) -> bytes:
    """Return an archive; in a keyword, `__` stands for a slash and the last `_` for the dot."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, data in members.items():
            archive.writestr(name.replace("__", "/")[::-1].replace("_", ".", 1)[::-1], data)
    return buffer.getvalue()


def parquet(rows: list[dict[str, Any]]) -> bytes:
    buffer = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(rows), buffer)
    return buffer.getvalue()


def arrow(rows: list[dict[str, Any]], *, stream: bool = True) -> bytes:
    buffer, table = io.BytesIO(), pa.Table.from_pylist(rows)
    with (pa.ipc.new_stream if stream else pa.ipc.new_file)(buffer, table.schema) as writer:
        writer.write_table(table)
    return buffer.getvalue()


@data_case("Files", "`.tsv`, `.ndjson`", "read", "Excel, jq")
@pytest.mark.parametrize(("name", "data"), [("t.tsv", TABLE.replace(",", "\t")), ("t.ndjson", lines(*PAIRS))])
def test_further_extensions(tmp_path: Path, name: str, data: bytes | str) -> None:
    assert Upload(tmp_path, name, data).answers == ANSWERS


def test_commas_in_the_header_of_a_tsv_are_text(tmp_path: Path) -> None:
    data = "a, b, c, d\tprompt\tcompletion\n1\tq\ta\n"
    assert Upload(tmp_path, "t.tsv", data).report["columns"] == ["a, b, c, d", "prompt", "completion"]


@data_case("Files", "`.jsonl.gz`, `.json.gz`, `.csv.gz`, also in archives", "read", "huggingface/datasets")
def test_gzip(tmp_path: Path) -> None:
    files = {"rows.jsonl.gz": lines(*PAIRS), "rows.json.gz": json.dumps(PAIRS).encode(), "rows.csv.gz": TABLE.encode()}
    for name, data in files.items():
        (tmp_path / name).mkdir()
        assert Upload(tmp_path / name, name, gzip.compress(data)).answers == ANSWERS
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("a.jsonl.gz", gzip.compress(lines(*PAIRS)))
    assert Upload(tmp_path, "t.zip", buffer.getvalue()).answers == ANSWERS


@data_case("Files", "gzip files that are truncated, no gzip, or expand without end", "refused in words", "")
def test_gzip_is_bounded_and_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.dataset.engine.archive.SMALL_ARCHIVE_BYTES", 1_000)
    bomb = gzip.compress(b" " * 10_000_000)
    limit = MAX_EXPANSION * len(bomb)
    assert refusal(tmp_path, "t.jsonl.gz", bomb).detail == f"t.jsonl.gz unpacks to more than {limit} bytes."
    cut = gzip.compress(lines(*PAIRS))[:-9]
    for name, data in (("cut", cut), ("plain", lines(*PAIRS))):
        (tmp_path / name).mkdir()
        assert "is not a complete gzip file" in refusal(tmp_path / name, "t.jsonl.gz", data).detail


@pytest.mark.parametrize(
    ("name", "extension", "stem"),
    [
        ("Rows.JSONL", ".jsonl", "Rows"),
        ("rows.v2.jsonl.gz", ".jsonl.gz", "rows.v2"),
        ("rows.jsonl.txt", ".jsonl", "rows"),
        ("notes.txt", ".txt", "notes"),
        ("rows.tar.gz", ".gz", "rows.tar"),
        ("rows", "", ""),
    ],
)
def test_extensions(name: str, extension: str, stem: str) -> None:
    assert (extension_of(name), name_without_extension(name)) == (extension, stem)


@data_case("Files", "`.arrow`: an IPC file or stream", "read", "datasets' save_to_disk")
@pytest.mark.parametrize("stream", [True, False])
def test_arrow(tmp_path: Path, stream: bool) -> None:
    assert Upload(tmp_path, "t.arrow", arrow(PAIRS, stream=stream)).answers == ANSWERS
    (tmp_path / "cut").mkdir()
    cut = arrow(PAIRS, stream=stream)[:200]
    assert "t.arrow is not a readable Arrow file" in refusal(tmp_path / "cut", "t.arrow", cut).detail


@data_case(
    "Splits", "a folder of `save_to_disk` in an archive", "its splits; metadata is skipped and named", "datasets"
)
def test_dataset_dict_folder(tmp_path: Path) -> None:
    members: dict[str, bytes | str] = {
        "faq__dataset_dict_json": '{"splits": ["train", "test"]}',
        "faq__train__state_json": "{}",
        "faq__train__dataset_info_json": "{}",
        "faq__train__data-00000-of-00001_arrow": arrow(PAIRS[:15]),
        "faq__train__cache-1_arrow": b"",
        "faq__test__data-00000-of-00001_arrow": arrow(PAIRS[15:]),
    }
    upload = Upload(tmp_path, "t.zip", zipped(**members), validation_share=0)
    assert upload.splits == {"train": 15, "validation": 0, "test": 5}
    assert len(upload.report["ignored_files"]) == 4
    assert "faq/train/state.json (metadata)" in upload.warnings["files_skipped"]["detail"]


@data_case("Splits", "shards such as `data/test-00000-of-00001.parquet`", "rows of their split", "Hugging Face Hub")
def test_hub_shards(tmp_path: Path) -> None:
    members = {f"data__{split}-0000{n}-of-00002_parquet": parquet(PAIRS) for split in ("train", "test") for n in (0, 1)}
    upload = Upload(tmp_path, "t.zip", zipped(**members, README_md="x"), validation_share=0)
    assert upload.splits == {"train": 40, "validation": 0, "test": 40}
    assert [file["split"] for file in upload.report["files"]] == ["test", "test", "train", "train"]


@data_case(
    "Splits",
    "files `train`, `validation` (`valid`, `val`, `dev`) and `test` in an archive",
    "these splits; none is cut from train",
    "huggingface/datasets, LLaMA-Factory",
)
@pytest.mark.parametrize("name", ["validation", "valid", "val", "dev", "FAQ-Dev-set"])
def test_named_files(tmp_path: Path, name: str) -> None:
    members = {"train_jsonl": lines(*PAIRS), f"{name}_jsonl": lines(*PAIRS[:3]), "test_csv": TABLE}
    upload = Upload(tmp_path, "t.zip", zipped(**members), validation_share=0.5)
    assert upload.splits == {"train": 20, "validation": 3, "test": 20}
    assert sorted(upload.answers) == sorted([*ANSWERS, *ANSWERS[:3], *ANSWERS])


@data_case("Splits", "`eval` files", "the test split; validation beside a `test`", "huggingface/datasets")
def test_eval_is_test_or_validation(tmp_path: Path) -> None:
    members = {"train_jsonl": lines(*PAIRS), "eval_jsonl": lines(*PAIRS[:3])}
    upload = Upload(tmp_path, "t.zip", zipped(**members))
    assert (upload.splits["test"], upload.splits["validation"] > 0) == (3, True)
    (tmp_path / "both").mkdir()
    both = Upload(tmp_path / "both", "t.zip", zipped(**members, test_jsonl=lines(*PAIRS[:2])))
    assert both.splits == {"train": 20, "validation": 3, "test": 2}
    assert {file["name"]: file["split"] for file in both.report["files"]}["eval.jsonl"] == "validation"


@data_case(
    "Splits",
    'a JSON object {"train": […], "test": […]}',
    "its splits; other arrays are named in a warning",
    "transformerlab-app#450, LLaMA-Factory#2904",
)
def test_named_members(tmp_path: Path) -> None:
    document = {"version": "2", "train": PAIRS, "extra": [{"a": 1}], "val": PAIRS[:4], "test": PAIRS[:2]}
    upload = Upload(tmp_path, "t.json", json.dumps(document))
    assert upload.splits == {"train": 20, "validation": 4, "test": 2}
    assert upload.warnings["members_unread"]["example"] == "t.json: extra"
    (tmp_path / "columns").mkdir()
    table = {"prompt": ["a", "b"], "completion": ["c", "d"]}
    columns = Upload(tmp_path / "columns", "t.json", json.dumps({"train": table, "test": table}), validation_share=0)
    assert columns.splits == {"train": 2, "validation": 0, "test": 2}


def test_features_count_the_rows_that_may_be_trained_or_validated(tmp_path: Path) -> None:
    ruled = [{**PAIRS[n], "system": "Rhyme."} for n in range(4)]
    for name, tested in (("test", {"test": ruled[2:]}), ("eval", {"eval": ruled[2:]}), ("both", {"test": ruled})):
        (tmp_path / name).mkdir()
        document = {**tested, "train": [*PAIRS, ruled[0]], "dev": [ruled[1]]}
        upload = Upload(tmp_path / name, "t.json", json.dumps(document))
        assert upload.report["features"]["system"]["rows"] == 2, name
    (tmp_path / "beside").mkdir()
    document = {"test": ruled, "train": PAIRS, "eval": ruled[:3]}  # eval beside test is the validation split
    upload = Upload(tmp_path / "beside", "t.json", json.dumps(document))
    assert (upload.splits["validation"], upload.report["features"]["system"]["rows"]) == (3, 3)


@data_case("Splits", "named splits beside `heldout`", "refused if rows belong to train", "")
def test_held_out_and_named_splits(tmp_path: Path) -> None:
    members = {"train_jsonl": lines(*PAIRS), "test_jsonl": lines(*PAIRS)}
    assert refusal(tmp_path, "t.zip", zipped(**members), heldout=True).fields["field"] == "heldout"
    (tmp_path / "rest").mkdir()
    members = {"more_jsonl": lines(*PAIRS[:5]), "dev_jsonl": lines(*PAIRS[5:7]), "test_jsonl": lines(*PAIRS)}
    rest = Upload(tmp_path / "rest", "t.zip", zipped(**members), heldout=True)
    assert rest.splits == {"train": 0, "validation": 7, "test": 20}


def test_name_of_a_single_file_decides_nothing(tmp_path: Path) -> None:
    assert Upload(tmp_path, "test.jsonl", lines(*PAIRS)).splits.keys() == {"train", "validation"}


@data_case(
    "Files",
    "LICENSE.txt, README.txt, requirements.txt in an archive",
    "skipped and named, never trained",
    "",
)
@pytest.mark.parametrize("name", ["LICENSE", "licence-MIT", "README", "readme_de", "requirements-dev", "CITATION"])
def test_documentation_is_skipped(tmp_path: Path, name: str) -> None:
    members = {f"{name}_txt": "Do as you like.", "corpus_txt": "A text.\n\nAnother text."}
    upload = Upload(tmp_path, "t.zip", zipped(**members), validation_share=0)
    assert [row["text"] for row in upload.rows] == ["A text.", "Another text."]
    assert upload.report["ignored_files"] == [f"{name}.txt"]
    assert f"{name}.txt (documentation)" in upload.warnings["files_skipped"]["detail"]


@data_case(
    "Files",
    "dataset_info.json, schema.json or another JSON object beside the data",
    "skipped and named",
    "LLaMA-Factory data folder",
)
@pytest.mark.parametrize("name", ["dataset_info", "schema", "id2label", "notes"])
def test_metadata_is_skipped(tmp_path: Path, name: str) -> None:
    members = {f"{name}_json": '{"faq": {"file_name": "faq.json"}}', "faq_json": json.dumps(PAIRS)}
    upload = Upload(tmp_path, "t.zip", zipped(**members))
    assert (upload.answers, upload.report["ignored_files"]) == (ANSWERS, [f"{name}.json"])
    assert upload.report["columns"] == ["prompt", "completion"]


def test_archive_without_data_names_what_was_skipped(tmp_path: Path) -> None:
    assert "README.txt (documentation)" in refusal(tmp_path, "t.zip", zipped(README_txt="x")).detail
    (tmp_path / "json").mkdir()
    detail = refusal(tmp_path / "json", "t.zip", zipped(id2label_json='{"0": "a"}')).detail
    assert "id2label.json (one object that is no row: 0)" in detail


@data_case("Files", "a .txt among files of conversations", "refused by its own name", "")
def test_text_among_conversations_is_named(tmp_path: Path) -> None:
    error = refusal(tmp_path, "t.zip", zipped(about_txt="About us.", train_jsonl=lines(*PAIRS)))
    assert error.detail == "about.txt holds texts, but train.jsonl holds conversations."


@data_case(
    "Files",
    "JSON arrays in .jsonl, pretty-printed and concatenated objects",
    "read, by the content and not by the extension",
    "LLaMA-Factory",
)
@pytest.mark.parametrize("extension", [".json", ".jsonl"])
@pytest.mark.parametrize(
    "data",
    [
        json.dumps(PAIRS),
        json.dumps(PAIRS, indent=2),
        "[\n" + ",\n".join(map(json.dumps, PAIRS)) + "\n]",
        "\n".join(json.dumps(row, indent=2) for row in PAIRS),
        json.dumps(PAIRS[:9]) + "\n" + json.dumps(PAIRS[9:]),
    ],
    ids=["array", "pretty array", "row per line", "pretty objects", "two arrays"],
)
def test_json_by_its_content(tmp_path: Path, extension: str, data: str) -> None:
    assert Upload(tmp_path, f"t{extension}", data).answers == ANSWERS


def test_objects_in_one_line(tmp_path: Path) -> None:
    data = "".join(map(json.dumps, PAIRS))
    assert Upload(tmp_path, "t.json", data).answers == ANSWERS
    (tmp_path / "lines").mkdir()
    assert "every row is one line" in refusal(tmp_path / "lines", "t.jsonl", data).detail


def test_first_line_that_is_broken_does_not_make_a_document(tmp_path: Path) -> None:
    for name, bad in (("object", b'{"prompt": "q",'), ("array", b"[broken")):
        (tmp_path / name).mkdir()
        upload = Upload(tmp_path / name, "t.jsonl", bad + b"\n" + lines(*PAIRS))
        assert (upload.report["rejected"], upload.answers) == (1, ANSWERS)


@data_case("Files", "a single JSON object", "one row", "OpenAI")
def test_single_object(tmp_path: Path) -> None:
    pair = {"chosen": TALKS[0], "rejected": [TALKS[0][0], {"role": "assistant", "content": "Hm"}]}
    for name, row in (("talk", {"messages": TALKS[0]}), ("pair", pair)):
        (tmp_path / name).mkdir()
        assert Upload(tmp_path / name, "t.json", json.dumps(row)).report["rows"] == 1


@data_case(
    "Files",
    "JSON by columns: `Dataset.to_dict`, pandas' default, split and index orientations; rows by ids",
    "read as rows",
    "pandas, datasets",
)
@pytest.mark.parametrize(
    "document",
    [
        {key: [row[key] for row in PAIRS] for key in PAIRS[0]},
        {key: {str(n): row[key] for n, row in enumerate(PAIRS)} for key in PAIRS[0]},
        {"columns": list(PAIRS[0]), "index": list(range(20)), "data": [list(row.values()) for row in PAIRS]},
        {str(n): row for n, row in enumerate(PAIRS)},
        {f"id-{n}": row for n, row in enumerate(PAIRS)},
    ],
    ids=["to_dict", "columns", "split", "index", "ids"],
)
def test_tables_in_json(tmp_path: Path, document: dict[str, Any]) -> None:
    upload = Upload(tmp_path, "t.json", json.dumps(document))
    assert (upload.answers, upload.report["warnings"]) == (ANSWERS, [])


def test_large_object_without_rows_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.dataset.engine.json_documents.MAX_ROW_BYTES", 100)
    error = refusal(tmp_path, "t.json", json.dumps({str(n): row for n, row in enumerate(PAIRS)}))
    assert "an object without an array of rows is longer than 100 characters" in error.detail
    assert 'orient="records"' in error.fields["remedy"]


@data_case("Files", "lists of messages, in an array or one per line", "conversations", "")
def test_lists_of_messages(tmp_path: Path) -> None:
    for name, data in (("array.json", json.dumps(TALKS).encode()), ("lines.jsonl", lines(*TALKS))):
        (tmp_path / name).mkdir()
        assert [row["messages"] for row in Upload(tmp_path / name, name, data).rows] == TALKS
    (tmp_path / "one").mkdir()
    assert "is one conversation" in refusal(tmp_path / "one", "t.json", json.dumps(TALKS[0], indent=1)).detail


@data_case("Files", "NaN in JSON", "an empty cell; a row that needs it is rejected", "pandas")
@pytest.mark.parametrize("name", ["t.jsonl", "t.json"])
def test_nan_in_json(tmp_path: Path, name: str) -> None:
    rows = [{**PAIRS[0], "score": float("nan")}, {"prompt": "q", "completion": float("nan")}]
    upload = Upload(tmp_path, name, lines(*rows) if name == "t.jsonl" else json.dumps(rows), max_bad_share=0.5)
    assert upload.answers == ANSWERS[:1]
    assert upload.report["rejected_rows"][0]["reason"] == "completion is NaN, text is expected"
    assert upload.report["column_uses"][2]["detail"] == "no row has a value in it"


@data_case("Files", "`rows.jsonl.txt`", "read as .jsonl", "MicrosoftLearning/mslearn-ai-studio#53")
def test_extension_that_windows_hides(tmp_path: Path) -> None:
    assert Upload(tmp_path, "rows.jsonl.txt", lines(*PAIRS)).answers == ANSWERS


@data_case("Files", "a .txt that holds JSON Lines, a JSON array or a table", "refused, with the right extension", "")
@pytest.mark.parametrize(
    ("data", "extension"),
    [
        (lines(*PAIRS), ".jsonl"),
        (json.dumps(PAIRS, indent=1), ".json"),
        (json.dumps(TALKS), ".json"),
        (TABLE, ".csv"),
        ("Frage\tAntwort\na\tb\nc\td\n", ".csv"),
        ("Frage;Antwort\n" + "a;b\n" * 5, ".csv"),
    ],
)
def test_text_that_is_data_is_refused(tmp_path: Path, data: bytes | str, extension: str) -> None:
    assert f"Name it {extension}." in refusal(tmp_path, "t.txt", data).fields["remedy"]


@pytest.mark.parametrize(
    "text", ["[Verse 1]\nOh, snow", "{curly} words", "Question, answer\nand more", "a\tb\nno tab\n"]
)
def test_prose_is_read(tmp_path: Path, text: str) -> None:
    assert Upload(tmp_path, "t.txt", text).report["form"] == "text"


@data_case("Files", "pandas' index column, unnamed", "ignored and named", "googleapis/google-cloud-python#9647")
def test_index_of_pandas(tmp_path: Path) -> None:
    rows = TABLE.splitlines()
    data = "\n".join(["," + rows[0], *(f"{n},{row}" for n, row in enumerate(rows[1:]))])
    upload = Upload(tmp_path, "t.csv", data)
    assert (upload.answers, upload.report["warnings"]) == (ANSWERS, [])
    use = {"name": "Unnamed: 0", "use": "ignored", "detail": "the index that pandas writes", "rows": 20}
    assert upload.report["column_uses"][0] == use


@data_case("Files", "commas at the end of CSV lines, and empty records", "dropped if empty, else named", "Excel")
def test_trailing_commas(tmp_path: Path) -> None:
    data = TABLE.replace("\n", ",,\n") + ",,\n,,,\n"
    assert Upload(tmp_path, "t.csv", data).answers == ANSWERS
    (tmp_path / "named").mkdir()
    named = Upload(tmp_path / "named", "t.csv", "prompt,,completion\nq,lost,a\n")
    assert named.warnings["columns_not_understood"]["example"] == "Unnamed: 1"
    (tmp_path / "filled").mkdir()
    assert "4 fields" in refusal(tmp_path / "filled", "t.csv", "prompt,completion,,\nq,a,lost,\n").detail


@data_case("Files", "a line `sep=;` before the header", "the delimiter", "Excel")
@pytest.mark.parametrize("first", ["sep=;", "SEP=;", '"sep=;"'])
def test_separator_line(tmp_path: Path, first: str) -> None:
    upload = Upload(tmp_path, "t.csv", f"{first}\r\nprompt;completion\r\nq, and q;a\r\nonly one\r\n", max_bad_share=0.5)
    assert upload.answers == ["a"]
    assert upload.report["rejected_rows"][0]["line"] == 4


@data_case("Files", "carriage returns alone as line ends", "read", "Mac OS 9, Excel for Mac")
@pytest.mark.parametrize(("name", "data"), [("t.csv", TABLE), ("t.jsonl", lines(*PAIRS).decode())])
def test_carriage_returns(tmp_path: Path, name: str, data: str) -> None:
    assert Upload(tmp_path, name, data.replace("\n", "\r")).answers == ANSWERS


@data_case("Files", "one kind of line end in another", "the row is rejected in plain words", "")
def test_mixed_line_ends(tmp_path: Path) -> None:
    upload = Upload(tmp_path, "t.csv", TABLE + "\nq,a\rq,a\n")
    assert upload.report["rejected_rows"][0]["reason"].startswith("not CSV: a carriage return inside a cell")


@data_case("Files", "spaces after commas in CSV", "skipped if the header has them, else named", "")
def test_spaces_after_commas(tmp_path: Path) -> None:
    upload = Upload(tmp_path, "t.csv", 'prompt, completion\nq, "a, b"\n')
    assert upload.answers == ["a, b"]
    (tmp_path / "rows").mkdir()
    detail = refusal(tmp_path / "rows", "t.csv", 'prompt,completion\nq, "a, b"\n').detail
    assert "3 fields" in detail
    assert "remove the spaces before the quotes" in detail


@data_case("Files", "a quote in CSV that is never closed", "named by its line; counts for all lines it takes in", "")
def test_open_quote(tmp_path: Path) -> None:
    data = TABLE + '\n"two\nlines","open\n' + "\n".join(f"q{n},a" for n in range(30))
    error = refusal(tmp_path, "t.csv", data)
    assert error.detail.startswith("32 of 52 rows are bad")
    assert "t.csv line 22: not CSV: the quote in line 23 is never closed" in error.detail
    (tmp_path / "later").mkdir()
    later = Upload(tmp_path / "later", "t.csv", TABLE + '\nq,"open\nq1,a1\nq2,"fine"\nq3,a3\n', max_bad_share=0.5)
    assert (later.report["rejected"], later.answers[-1]) == (3, "a3")


@data_case(
    "Files",
    "nulls that Arrow adds to tools, tool calls and messages in Parquet",
    "dropped at every depth; nulls of JSON texts and of JSON Lines are kept",
    "ms-swift#10110, axolotl#3136, trl#5307",
)
def test_padding_of_arrow(tmp_path: Path) -> None:
    def call(arguments: object) -> list[dict[str, Any]]:
        function = {"name": "find", "arguments": arguments}
        return [TALKS[0][0], {"role": "assistant", "content": None, "tool_calls": [{"function": function}]}]

    tools = [
        {"type": "function", "function": {"name": "find", "parameters": {"properties": {"key": {"type": "string"}}}}},
        {"type": "function", "function": {"name": "go", "parameters": {"properties": {"to": {"enum": ["a"]}}}}},
    ]
    nested = {"at": {"key": "x"}, "all": [{"a": "1"}, {"b": "2"}]}
    text = '{"key": "x", "depth": null}'
    data = parquet([{"messages": call(nested), "tools": tools}, {"messages": call({"other": "y"}), "tools": tools}])
    upload = Upload(tmp_path, "t.parquet", data)
    calls = [row["messages"][1]["tool_calls"][0]["function"]["arguments"] for row in upload.rows]
    assert (calls, upload.rows[0]["tools"]) == ([nested, {"other": "y"}], tools)
    for name, rows in (
        ("t.parquet", parquet([{"messages": call(text)}])),
        ("t.jsonl", lines({"messages": call(text)})),
    ):
        (tmp_path / name).mkdir()
        (row,) = Upload(tmp_path / name, name, rows).rows
        assert row["messages"][1]["tool_calls"][0]["function"]["arguments"] == json.loads(text)
    (tmp_path / "object").mkdir()
    (row,) = Upload(tmp_path / "object", "t.jsonl", lines({"messages": call(json.loads(text))})).rows
    assert row["messages"][1]["tool_calls"][0]["function"]["arguments"] == json.loads(text)


@data_case("Files", "NaN in columns of Parquet, as pandas writes empty cells", "empty cells", "pandas")
def test_nan_in_parquet(tmp_path: Path) -> None:
    upload = Upload(tmp_path, "t.parquet", parquet([{**row, "input": float("nan")} for row in PAIRS]))
    assert upload.answers == ANSWERS
    assert [row["messages"][0]["content"] for row in upload.rows] == [row["prompt"] for row in PAIRS]


@data_case(
    "Files",
    "UTF-16 without a byte-order mark, pointers of Git LFS, web pages under the name of data",
    "refused with the remedy; nothing of them is trained",
)
@pytest.mark.parametrize(
    ("name", "data", "reason"),
    [
        ("t.txt", "Snow is cold.".encode("utf-16-be"), "UTF-16 text without a byte-order mark, or a binary file"),
        ("t.jsonl", json.dumps(PAIRS[0]).encode("utf-16-le"), "UTF-16 text without a byte-order mark"),
        ("t.txt", "version https://git-lfs.github.com/spec/v1\noid sha256:1\n", "is a pointer of Git LFS"),
        ("t.jsonl", "<!DOCTYPE html>\n<title>Sign in</title>", "is a web page"),
        ("t.csv", "<html><body>Not found</body></html>", "is a web page"),
    ],
)
def test_files_that_are_something_else(tmp_path: Path, name: str, data: bytes | str, reason: str) -> None:
    error = refusal(tmp_path, name, data)
    assert (error.code, reason in error.detail, bool(error.fields["remedy"])) == ("file_unreadable", True, True)


@data_case("Files", "lines of JSON that are almost JSON", "rejected with what is wrong, and the remedy")
@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("{'prompt': 'Hi', 'completion': 'Ho'}", "Python wrote it with single quotes; write rows with json.dumps"),
        ('{"prompt": "Hi", "completion": "\\ud83d"}', "an escape such as \\ud83d is half a character"),
        ('{"prompt": "Hi", "completion": "a\tb"}', "a text contains a control character, such as a tab"),
    ],
)
def test_lines_that_are_almost_json(tmp_path: Path, line: str, reason: str) -> None:
    assert reason in refusal(tmp_path, "t.jsonl", line).detail


@data_case("Files", "two columns of one name in Parquet or Arrow", "refused by the name of the column")
@pytest.mark.parametrize("name", ["t.parquet", "t.arrow"])
def test_repeated_columns(tmp_path: Path, name: str) -> None:
    columns = [[row[name] for row in PAIRS] for name in ("prompt", "completion", "prompt")]
    table = pa.Table.from_arrays([pa.array(cells) for cells in columns], names=["prompt", "completion", "completion"])
    buffer = io.BytesIO()
    if name == "t.parquet":
        pq.write_table(table, buffer)
    else:
        with pa.ipc.new_stream(buffer, table.schema) as writer:
            writer.write_table(table)
    assert "two columns are named 'completion'" in refusal(tmp_path, name, buffer.getvalue()).detail


@data_case(
    "Files",
    "dates, decimals, float32 and maps in Parquet",
    "the text of a date or decimal, the digits that were written (0.1), and objects",
)
@pytest.mark.parametrize(
    ("value", "text"),
    [
        (date(2024, 2, 1), "2024-02-01"),
        (datetime(2024, 2, 1, 13, 5), "2024-02-01 13:05:00"),
        (Decimal("12.50"), "12.50"),
        (pa.scalar(0.1, pa.float32()), "0.1"),
        (pa.scalar(3, pa.float32()), "3"),
    ],
)
def test_cells_of_parquet(tmp_path: Path, value: object, text: str) -> None:
    cells = pa.array([value.as_py()], value.type) if isinstance(value, pa.Scalar) else pa.array([value])
    buffer = io.BytesIO()
    pq.write_table(pa.table({"prompt": ["When?"], "completion": cells}), buffer)
    assert Upload(tmp_path, "t.parquet", buffer.getvalue()).answers == [text]


def test_maps_of_parquet(tmp_path: Path) -> None:
    turns = [[[*turn.items()] for turn in TALKS[0]]]
    buffer = io.BytesIO()
    pq.write_table(pa.table({"messages": pa.array(turns, pa.list_(pa.map_(pa.string(), pa.string())))}), buffer)
    assert Upload(tmp_path, "t.parquet", buffer.getvalue()).rows == [{"messages": TALKS[0]}]


@data_case(
    "Splits",
    "an archive whose file names all say validation or test",
    "a warning: no row is trained; none where `heldout` asks for it",
)
def test_upload_without_training_rows_is_warned_of(tmp_path: Path) -> None:
    upload = Upload(tmp_path, "t.zip", zipped(dev_questions_jsonl=lines(*PAIRS)))
    assert (upload.splits, upload.warnings["no_training_rows"]["count"]) == ({"train": 0, "validation": 20}, 20)
    (tmp_path / "heldout").mkdir()
    assert Upload(tmp_path / "heldout", "t.jsonl", lines(*PAIRS), heldout=True).warnings == {}


@data_case(
    "Splits",
    "a dataset with a test split that is downloaded through the files API and uploaded again",
    "the rows in their order, each with its split: test rows are not trained then, either",
)
def test_splits_survive_a_download(tmp_path: Path) -> None:
    splits = [("train", "test", "validation")[n % 3] for n in range(20)]
    rows = [{**row, "split": split} for row, split in zip(PAIRS, splits, strict=True)]
    upload = Upload(tmp_path, "t.jsonl", lines(*rows))
    assert (upload.answers, [row["split"] for row in upload.rows]) == (ANSWERS, splits)
    (tmp_path / "again").mkdir()
    again = Upload(tmp_path / "again", "t.jsonl", lines(*upload.rows))
    assert (again.rows, again.splits) == (upload.rows, upload.splits)


@data_case("Splits", "a file or key named holdout", "the test split: its rows are never trained")
def test_holdout_is_test(tmp_path: Path) -> None:
    upload = Upload(tmp_path, "t.json", json.dumps({"train": PAIRS[:15], "holdout": PAIRS[15:]}))
    assert upload.splits["test"] == 5
