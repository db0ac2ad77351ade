"""Every file format is read as numbered rows; lines that cannot be read are rejected with a reason."""

import io
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from services.dataset.engine import json_documents
from services.dataset.engine.arrow_tables import read_parquet
from services.dataset.engine.file_readers import read_file
from services.dataset.engine.lines import BadRow
from services.dataset.formats import MAX_CELL_CHARS, MAX_ROW_BYTES
from shared.engine.process.protocol import EngineError


def read(extension: str, content: bytes) -> list[tuple[int, Any]]:
    """Return the rows of a file; a rejected one as its reason."""
    rows = read_file(f"file{extension}", extension, lambda: io.BytesIO(content))
    return [(line, str(value) if isinstance(value, BadRow) else value) for line, value in rows]


def test_jsonl_numbers_lines_and_skips_blank_ones() -> None:
    assert read(".jsonl", b'\xef\xbb\xbf{"a": 1}\r\n\n  \n{"a": "\xc3\xa9"}') == [(1, {"a": 1}), (4, {"a": "é"})]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b'{"a": 1', "not JSON: the line ends too early; every row is one line"),
        (b'{"a": NaN, }', "not JSON: invalid character (byte 6)"),
        (
            b'{"a": "caf\xe9"}',
            "invalid UTF-8: byte 0xe9 at position 11; save the file as UTF-8, or upload it with its encoding",
        ),
        (b"[" * 100_000, "not JSON that can be read: nested too deeply"),
        (b'{"a": "' + b"x" * MAX_ROW_BYTES + b'"}', f"the line is longer than {MAX_ROW_BYTES} bytes"),
    ],
    ids=["truncated", "nan", "latin-1", "nested", "long"],
)
def test_jsonl_rejects_a_bad_line_with_a_reason_and_continues(line: bytes, reason: str) -> None:
    assert read(".jsonl", line + b'\n{"a": 2}\n') == [(1, reason), (2, {"a": 2})]


def test_csv_detects_the_delimiter_and_numbers_records_by_their_first_line() -> None:
    content = '\ufeffquestion; answer\n"two\nlines; really";"with ""quotes"""\n\nlast;one\n'.encode()
    assert read(".csv", content) == [
        (2, {"question": "two\nlines; really", "answer": 'with "quotes"'}),
        (5, {"question": "last", "answer": "one"}),
    ]


def test_csv_rejects_bad_records() -> None:
    content = b"a,b\n1\n\xe9,2\n" + b"x" * (MAX_CELL_CHARS + 1) + b",1\n3,4\n"
    assert read(".csv", content) == [
        (2, "1 fields, but the header names 2 columns"),
        (3, "invalid UTF-8 in column 'a'; save the file as UTF-8, or upload it with its encoding"),
        (4, f"not CSV: field larger than field limit ({MAX_CELL_CHARS})"),
        (5, {"a": "3", "b": "4"}),
    ]


def test_csv_refuses_repeated_columns() -> None:
    with pytest.raises(EngineError, match="two columns are named 'a'"):
        read(".csv", b"a,a\n1,2\n")


def test_text_rows_are_paragraphs_or_without_blank_lines_lines() -> None:
    assert read(".txt", b"one\ntwo\n\n\nthree\n") == [(1, {"text": "one\ntwo"}), (5, {"text": "three"})]
    assert read(".txt", b"one\ntwo\n\n") == [(1, {"text": "one"}), (2, {"text": "two"})]
    bad = "invalid UTF-8: byte 0xff at position 1; save the file as UTF-8, or upload it with its encoding"
    assert read(".txt", b"ok\n\xff\nfine") == [(1, {"text": "ok"}), (2, bad), (3, {"text": "fine"})]


def test_json_reads_arrays_wrapped_arrays_and_json_lines() -> None:
    rows = [{"a": 1}, {"a": 2}]
    assert read(".json", b'[\n{"a": 1},\n {"a": 2}\n]\n') == [(2, rows[0]), (3, rows[1])]
    wrapped = b'{"version": {"x": [1]},\n "data": [\n{"a": 1}, {"a": 2}]}'
    assert read(".json", wrapped) == [(3, rows[0]), (3, rows[1])]
    assert read(".json", b'{"a": 1}\n{"a": 2}\n') == [(1, rows[0]), (2, rows[1])]
    assert read(".json", b"[]") == []


@pytest.mark.parametrize("window", [1, 7, 64])
def test_window_size_does_not_change_the_rows_of_a_json_document(monkeypatch: pytest.MonkeyPatch, window: int) -> None:
    monkeypatch.setattr(json_documents, "WINDOW_BYTES", window)
    rows = [{"a": "é" * n, "n": 10**n} for n in range(12)]
    content = json.dumps(rows, ensure_ascii=False, indent=1).encode()
    assert [row for _, row in read(".json", content)] == rows
    assert [line for line, _ in read(".json", content)] == [2 + 4 * n for n in range(12)]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b'[{"a": 1},\n{"a": }]', "file.json line 2: not JSON: Expecting value."),
        (
            b'[{"a": 1},\n{"a": "\xe9"}]',
            "file.json line 2: invalid UTF-8: byte 0xe9; save the file as UTF-8, or upload it with its encoding.",
        ),
        (b'[{"a": 1}', "file.json line 1: expected ']', found the end of the file."),
        (b'"text"', "'\"' stands outside an array of rows and outside an object"),
        (b'{"a": 1},\n{"a": 2}', "file.json line 1: ',' stands outside"),
        (b'{"data": [{"a": 1}], "prompt": "q", "completion": "a"}', "holds an array of rows, and is a row itself"),
    ],
)
def test_json_document_is_refused_at_the_first_error(content: bytes, reason: str) -> None:
    with pytest.raises(EngineError) as failure:
        read(".json", content)
    assert failure.value.code == "file_unreadable"
    assert reason in failure.value.detail


def test_parquet_numbers_rows(tmp_path: Path) -> None:
    table = pa.table({"messages": [[{"role": "user", "content": "hi"}], None], "n": [1.5, float("nan")]})
    pq.write_table(table, tmp_path / "rows.parquet", row_group_size=1)
    (_, first), (number, second) = read_parquet("rows.parquet", lambda: (tmp_path / "rows.parquet").open("rb"))
    assert first == {"messages": [{"role": "user", "content": "hi"}], "n": 1.5}
    assert number == 2
    assert isinstance(second, dict)
    assert second["messages"] is None


def test_parquet_column_that_is_not_utf_8_is_refused() -> None:
    whole = io.BytesIO()
    pq.write_table(pa.table({"prompt": ["a"]}), whole)
    with pytest.raises(EngineError, match="not a readable Parquet file"):
        read(".parquet", whole.getvalue().replace(b"prompt", b"\xecrompt"))


@pytest.mark.parametrize(
    ("extension", "content", "what"),
    [
        (".jsonl", b"PK\x03\x04rest", "a zip archive"),
        (".csv", "a,b".encode("utf-16"), "UTF-16 text"),
        (".parquet", b"PAR1 and then nothing", "not a readable Parquet file"),
    ],
)
def test_file_with_a_wrong_extension_is_refused_by_its_real_type(extension: str, content: bytes, what: str) -> None:
    with pytest.raises(EngineError, match=what) as failure:
        read(extension, content)
    assert failure.value.code == "file_unreadable"
    assert failure.value.fields["remedy"]
