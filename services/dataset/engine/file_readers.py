"""Readers that yield the numbered rows of a file: one per file format."""

import re
from collections.abc import Callable, Iterator

from services.dataset.engine.arrow_tables import read_arrow, read_parquet
from services.dataset.engine.delimited import columns_of_table, read_delimited
from services.dataset.engine.json_documents import is_json_lines, read_json
from services.dataset.engine.json_lines import FastDecode
from services.dataset.engine.lines import (
    BOM,
    HEAD_BYTES,
    BadRow,
    NumberedRow,
    OpenFile,
    decode_utf8,
    read_lines,
    require_text,
    with_line_feeds,
)
from services.dataset.formats import MAX_ROW_BYTES
from shared.engine.process.protocol import EngineError

JSON_START = re.compile(rb'\s*(\[\s*){0,2}\{\s*"')
"""How a JSON document of rows begins."""
DELIMITERS = {".csv": ",", ".tsv": "\t"}
"""The delimiter of a table by its extension, where its header does not show another one."""
PAGE_START = re.compile(rb"\s*<(!doctype html|html)\b", re.IGNORECASE)


def read_file(
    name: str,
    extension: str,
    open_file: OpenFile,
    fast_decode: FastDecode = lambda line: None,
    report_unread: Callable[[str], None] = lambda member: None,
) -> Iterator[NumberedRow]:
    """Yield the rows of a file by its extension (never `.zip` or `.gz`).

    In JSON Lines, `fast_decode` sees each line first. `report_unread` is called with each part of the file that is not
    read. Raises EngineError where the whole file is unreadable.
    """
    match extension:
        case ".parquet":
            return read_parquet(name, open_file)
        case ".arrow":
            return read_arrow(name, open_file)
    with open_file() as stream:
        require_text(name, stream)
    if extension != ".txt":
        _refuse_page(name, open_file)
    open_file = with_line_feeds(open_file)
    if extension not in (".jsonl", ".json"):
        _refuse_other_text(name, open_file, extension)
    match extension:
        case ".jsonl" | ".json":
            return read_json(name, open_file, fast_decode, report_unread, lines=extension == ".jsonl")
        case ".csv" | ".tsv":
            return read_delimited(name, open_file, DELIMITERS[extension])
    return read_text(open_file)


def _refuse_page(name: str, open_file: OpenFile) -> None:
    """Refuse a web page, which a download often is that needed a sign-in."""
    with open_file() as stream:
        is_page = PAGE_START.match(stream.read(HEAD_BYTES).removeprefix(BOM))
    if is_page:
        remedy = "Download the file itself: sign in where it is, and use the link to its raw content."
        raise EngineError("file_unreadable", f"{name} is a web page (HTML), not data.", file=name, remedy=remedy)


def _refuse_other_text(name: str, open_file: OpenFile, extension: str) -> None:
    """Refuse JSON under another name, and tables that are named .txt: their markup would be trained."""
    with open_file() as stream:
        is_json = JSON_START.match(stream.read(HEAD_BYTES).removeprefix(BOM))
    if is_json:
        found = (".jsonl", "JSON Lines") if is_json_lines(open_file) else (".json", "JSON")
    elif extension == ".txt" and (columns := columns_of_table(open_file)):
        found = (".csv", f"a table with the columns {', '.join(columns[:10])}")
    else:
        return
    remedy = f'Name it {found[0]}. To train on its raw text, upload rows such as {{"text": "…"}}.'
    detail = f"{name} holds {found[1]}, not {'text' if extension == '.txt' else 'a table'}."
    raise EngineError("file_unreadable", detail, file=name, remedy=remedy)


def read_text(open_file: OpenFile) -> Iterator[NumberedRow]:
    """Yield the paragraphs between blank lines; every line, in a file without blank lines."""
    has_paragraphs = _has_inner_blank_line(open_file)
    with open_file() as stream:
        paragraph: list[str] = []
        start, size = 1, 0
        for number, line in read_lines(stream):
            blank = isinstance(line, bytes) and line.isspace()
            if not blank:
                start = start if paragraph else number
                text = _decode_or_reject(line)
                size += len(line) if isinstance(line, bytes) else 0
                if isinstance(text, str) and size > MAX_ROW_BYTES:
                    text = BadRow(f"the paragraph exceeds {MAX_ROW_BYTES} bytes")
                if isinstance(text, BadRow):
                    yield number, text
                    paragraph, size = [], 0
                    continue
                paragraph.append(text)
            if paragraph and (blank or not has_paragraphs):
                yield start, {"text": "".join(paragraph).strip("\r\n")}
                paragraph, size = [], 0
        if paragraph:
            yield start, {"text": "".join(paragraph).strip("\r\n")}


def _decode_or_reject(line: bytes | BadRow) -> str | BadRow:
    try:
        return line if isinstance(line, BadRow) else decode_utf8(line)
    except BadRow as bad:
        return bad


def _has_inner_blank_line(open_file: OpenFile) -> bool:
    """Whether a blank line stands between two lines of text (one at the end does not count)."""
    with open_file() as stream:
        seen_text = blank_after_text = False
        for _, line in read_lines(stream):
            blank = isinstance(line, bytes) and line.isspace()
            if not blank and blank_after_text:
                return True
            seen_text = seen_text or not blank
            blank_after_text = seen_text and blank
    return False
