"""Reads the beginning of a file exactly as its upload would be read: raw rows, normalized rows, and the report.

Spec: {"path", "name", "out": an empty folder, "options": {…, encoding: null to detect it}, "complete": whether the file
is all there}. Result: {"encoding", "delimiter", "rows": [{source, raw, row, reason, shortened}], "columns", "report",
"problem", "layout", "suggestions"}.
"""

import json
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from services.dataset.engine.archive import SEEKABLE, SourceFile, list_files
from services.dataset.engine.delimited import find_dialect
from services.dataset.engine.file_readers import DELIMITERS
from services.dataset.engine.lines import BadRow, NumberedRow, detect_encoding, with_line_feeds
from services.dataset.engine.previews.suggestions import suggest_mappings
from services.dataset.engine.shards import read_rows
from services.dataset.engine.validate import Validation
from services.dataset.layouts import find_layout
from shared.engine.process.protocol import Commands, EngineError, Reporter

SHOWN_ROWS = 20
DETECTED_BYTES = 1 << 20
"""Bytes of a text whose encoding is guessed."""
ALL_ROWS = 1 << 60
FIRST_ROW_CUT = {
    "code": "first_row_cut",
    "detail": "The first row is longer than the part of the file that the preview reads.",
    "remedy": "Upload the file without a preview: then every row is read.",
}
SHOWN_CHARACTERS, SHOWN_ITEMS, SHOWN_DEPTH = 2_000, 1_000, 50
"""Of each text, of each list or object, and of what is nested, in a row."""


class _HeadValidation(Validation):
    """A validation that keeps the first raw rows, and drops the last one of a file that is cut."""

    def __init__(self, spec: dict[str, Any], reporter: Reporter, skipped: dict[str, str]) -> None:
        super().__init__(spec, reporter, skipped)
        self._complete: bool = spec["complete"]
        self.raw: list[tuple[str, object]] = []

    def _rows(self, file: SourceFile) -> Iterator[NumberedRow]:
        for line, value in self._uncut(super()._rows(file)):
            if len(self.raw) < SHOWN_ROWS:
                self.raw.append((f"{file.name}:{line}", value))
            yield line, value

    def _uncut(self, rows: Iterator[NumberedRow]) -> Iterator[NumberedRow]:
        if self._complete:
            yield from rows
            return
        held: NumberedRow | None = None
        try:
            for row in rows:
                if held is not None:
                    yield held
                held = row
        except EngineError:
            if held is None:  # the beginning cannot be read: that is no matter of the cut
                raise
            yield held

    def _decode_chat(self, line: bytes) -> None:
        """Leave every line to the general decoder: its values are the raw rows."""


def main(spec: dict[str, Any], reporter: Reporter, commands: Commands) -> dict[str, Any]:
    """Validate what is there of the file; a refusal becomes `problem`."""
    out, path = Path(spec["out"]), Path(spec["path"])
    problem: dict[str, Any] | None = None
    report: dict[str, Any] | None = None
    encoding = delimiter = validation = None
    try:
        encoding = spec["options"]["encoding"] or _detect(path, spec["name"], out.parent)
        files, skipped = list_files(path, spec["name"], out.parent, encoding or "utf-8")
        delimiter = _delimiter(files[0])
        validation = _HeadValidation(spec, reporter, skipped)
        for file in files:
            validation.read(file)
        report = validation.finish()["report"]
    except EngineError as error:
        report = error.fields.get("report")
        problem = {"code": error.code, "detail": error.detail}
        problem |= {name: error.fields[name] for name in ("field", "remedy") if name in error.fields}
        if error.code == "dataset_rejected" and not spec["complete"]:
            problem |= {"detail": f"{error.detail} Only the beginning of the file was read."}
            if validation is not None and not validation.raw:
                problem = FIRST_ROW_CUT
    raw = validation.raw if validation else []
    columns = list(dict.fromkeys(str(column) for _, row in raw if isinstance(row, dict) for column in row))
    found = find_layout(columns, spec["options"]["mapping"])
    return {
        "encoding": encoding,
        "delimiter": delimiter,
        "rows": _shown_rows(raw, report, out),
        "columns": columns,
        "report": report,
        "problem": problem,
        "layout": found[0].name if found else None,
        "suggestions": suggest_mappings(columns),
    }


def _detect(path: Path, name: str, scratch: Path) -> str | None:
    """Guess the encoding of the texts: the first one that is not UTF-8 decides. None: no file is a text."""
    texts = [file for file in list_files(path, name, scratch)[0] if file.extension not in SEEKABLE]
    found = []
    for file in texts:
        with file.open() as stream:
            found.append(detect_encoding(stream.read(DETECTED_BYTES)))
    return next((encoding for encoding in found if encoding != "utf-8"), "utf-8" if found else None)


def _delimiter(file: SourceFile) -> str | None:
    if file.extension not in DELIMITERS:
        return None
    return find_dialect(with_line_feeds(file.open), DELIMITERS[file.extension]).delimiter


def _shown_rows(raw: list[tuple[str, object]], report: dict[str, Any] | None, out: Path) -> list[dict[str, Any]]:
    reasons = {f"{row['file']}:{row['line']}": row["reason"] for row in (report or {}).get("rejected_rows", [])}
    normalized: dict[str, str] = {}
    if report is not None:  # otherwise the shards are not complete
        for path in sorted(out.glob("*.parquet")):
            normalized |= {source: row.decode() for _, source, row in read_rows([str(path)], 0, ALL_ROWS)}
    shown = []
    for source, value in raw:
        whole = [value.raw if isinstance(value, BadRow) else value, json.loads(normalized.get(source, "null"))]
        short = [_shorten(part) for part in whole]
        reason = str(value) if isinstance(value, BadRow) else reasons.get(source)
        row = {"source": source, "raw": short[0], "row": short[1], "reason": reason, "shortened": short != whole}
        shown.append(row)
    return shown


def _shorten(value: Any, depth: int = 0) -> Any:
    """Return the beginning of texts and lists, in a row of up to 16 MB."""
    if isinstance(value, str | bytes):
        end = b"..." if isinstance(value, bytes) else "…"
        return value if len(value) <= SHOWN_CHARACTERS else value[:SHOWN_CHARACTERS] + end  # type: ignore[operator]
    if not isinstance(value, dict | list):
        return value
    if depth == SHOWN_DEPTH:
        return "…"
    if isinstance(value, dict):
        members = islice(value.items(), SHOWN_ITEMS)
        return {_shorten(name): _shorten(member, depth + 1) for name, member in members}
    return [_shorten(item, depth + 1) for item in value[:SHOWN_ITEMS]]
