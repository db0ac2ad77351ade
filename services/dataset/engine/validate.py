"""Validates an upload: reads, checks, normalizes, counts and splits its rows, and writes them to shards.

Spec: {"path": the upload, "name": its file name, "out": an empty folder for what is published, "options": {mapping,
validation_share, max_bad_share, seed, heldout}}. Result: {"report", "shards"}; the report is `models.Report`. By hand:
`python -m services.dataset.engine.validate spec.json`.
"""

import json
import time
from collections import Counter
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any

import msgspec

from services.dataset.engine.archive import DAMAGED_MEMBER_ERRORS, SourceFile, list_files
from services.dataset.engine.chat_fast_path import ChatDecoder, ChatRow, make_chat_decoder
from services.dataset.engine.duplicates import DuplicateCounter
from services.dataset.engine.file_readers import read_file
from services.dataset.engine.lines import BadRow, NumberedRow
from services.dataset.engine.normalize import Normalize, Row, count_characters, make_normalizer, split_group
from services.dataset.engine.splits import SplitWriter
from services.dataset.formats import MAX_ROW_BYTES
from services.dataset.layouts import MAPPING_SYNTAX, Layout, find_layout, match_columns, required_columns
from shared.engine.process.protocol import Commands, EngineError, Reporter, run_from_shell

PROBED_ROWS = 20
"""Rows of a file that are searched for a layout before the file is refused."""
REPORTED_ROWS = 20
"""Rejected rows in the report; rejected.jsonl has all of them."""
MAX_RAW_CHARS = 10_000
"""Characters of a rejected row that rejected.jsonl keeps."""
PROGRESS_INTERVAL_S = 0.5
PROGRESS_ROWS = 500


class Validation:
    """One run over the files of an upload."""

    def __init__(self, spec: dict[str, Any], reporter: Reporter) -> None:
        options, out = spec["options"], Path(spec["out"])
        self._reporter, self._mapping = reporter, options.get("mapping")
        self._max_bad_share: float = options["max_bad_share"]
        self._encode = msgspec.json.Encoder().encode
        share, seed = options["validation_share"], options["seed"]
        self._splits = SplitWriter(out, share=share, seed=seed, heldout=options["heldout"])
        self._duplicates = DuplicateCounter(out / "hashes")
        self._rejected_file = (out / "rejected.jsonl").open("w", encoding="utf-8")
        self._rejected: list[dict[str, Any]] = []
        self._counts: Counter[str] = Counter()
        self._layouts: dict[str, Layout] = {}
        self._columns: dict[str, None] = {}
        self._files: list[dict[str, Any]] = []
        self._decode_chat: ChatDecoder = lambda line: None
        self._last_progress = time.monotonic()

    def read(self, file: SourceFile) -> None:
        """Process every row of a file. Raises EngineError where the file as a whole cannot be used."""
        before = Counter(self._counts)
        try:
            self._decode_chat = lambda line: None
            # The reader starts before the layout is known: it calls the decoder that is set at that moment.
            stream = read_file(file.name, file.extension, file.open, lambda line: self._decode_chat(line))
            head, normalize = self._detect_layout(file, stream)
            for line, value in chain(head, stream):
                self._process(file.name, line, value, normalize)
        except DAMAGED_MEMBER_ERRORS as error:
            remedy = "Create the archive again, or upload it again."
            raise EngineError(
                "archive_refused", f"{file.name} in the archive is damaged: {error}", remedy=remedy
            ) from error
        rejected = self._counts["rejected"] - before["rejected"]
        self._files.append({"name": file.name, "rows": self._counts["rows"] - before["rows"], "rejected": rejected})

    def finish(self, ignored: list[str]) -> dict[str, Any]:
        """Close the shards and return the result. Raises EngineError `dataset_rejected`."""
        self._rejected_file.close()
        splits, shards = self._splits.close()
        layouts = list(self._layouts)
        report = {
            "rows": self._counts["rows"],
            "rejected": self._counts["rejected"],
            "rejected_rows": self._rejected,
            "duplicates": self._duplicates.count(),
            "form": next((layout.form for layout in self._layouts.values()), "text"),
            "layout": ", ".join(layouts),
            "columns": list(self._columns),
            "splits": splits,
            "characters": self._counts["characters"],
            "files": self._files,
            "ignored_files": ignored,
        }
        self._require_enough_good_rows(report)
        return {"report": report, "shards": shards}

    def _detect_layout(
        self, file: SourceFile, stream: Iterator[NumberedRow]
    ) -> tuple[list[NumberedRow], Normalize | None]:
        """Return the rows read so far and the normalizer; None where no row is an object: each is then rejected."""
        head: list[NumberedRow] = []
        columns: dict[str, None] = {}
        for item in stream:
            head.append(item)
            if isinstance(item[1], dict):
                columns |= dict.fromkeys(map(str, item[1]))
                matched = match_columns(item[1], self._mapping)
                if layout := find_layout(matched):
                    self._accept_layout(file, layout, columns)
                    self._decode_chat = make_chat_decoder(layout, matched, columns)
                    return head, make_normalizer(layout, matched)
            if len(head) >= PROBED_ROWS:
                break
        if columns:
            self._refuse_columns(file, list(columns))
        return head, None

    def _accept_layout(self, file: SourceFile, layout: Layout, columns: dict[str, None]) -> None:
        forms = {known.form for known in self._layouts.values()} | {layout.form}
        if len(forms) > 1:
            detail = f"{file.name} holds {layout.form} rows, the files before it hold others."
            raise EngineError("layout_not_recognised", detail, file=file.name, remedy="Upload them as two datasets.")
        self._layouts.setdefault(layout.name, layout)
        self._columns |= columns

    def _refuse_columns(self, file: SourceFile, columns: list[str]) -> None:
        mapped = (self._mapping or {}).values()
        missing = next((column for column in mapped if column not in columns), None)
        detail = (
            f"The columns of {file.name} match no layout"
            if missing is None
            else f"{file.name} has no column {missing!r}"
        )
        raise EngineError(
            "layout_not_recognised",
            f"{detail}. Columns found: {', '.join(columns[:50])}.",
            field="mapping",
            limit=required_columns(),
            remedy=f"Send the form field `mapping` as JSON, e.g. {MAPPING_SYNTAX}, with names of columns found.",
            file=file.name,
            columns=columns[:50],
        )

    def _process(self, file: str, line: int, value: object, normalize: Normalize | None) -> None:
        try:
            if isinstance(value, ChatRow):
                row: Row = {"messages": value.messages}
                group, characters = value.group, value.characters
            else:
                row = self._normalize(value, normalize)
                group, characters = split_group(row), count_characters(row)
            encoded = self._encode_row(row)
        except BadRow as bad:
            self._reject(file, line, bad, value)
            return
        self._splits.add(group, (self._counts["rows"] + self._counts["rejected"], f"{file}:{line}", encoded))
        self._duplicates.add(encoded)
        self._counts["rows"] += 1
        self._counts["characters"] += characters
        if self._counts["rows"] % PROGRESS_ROWS == 0:
            self._report_progress()

    def _normalize(self, value: object, normalize: Normalize | None) -> Row:
        if isinstance(value, BadRow):
            raise value
        if normalize is None:
            raise BadRow("a row is an object with named columns, this is something else")
        return normalize(value)

    def _encode_row(self, row: dict[str, Any]) -> bytes:
        try:
            encoded = self._encode(row)
        except (UnicodeEncodeError, TypeError, OverflowError, RecursionError) as error:
            reason = (
                "it contains a lone surrogate (half a character)"
                if isinstance(error, UnicodeEncodeError)
                else str(error)
            )
            raise BadRow(f"the row cannot be stored: {reason}") from error
        if len(encoded) > MAX_ROW_BYTES:
            raise BadRow(f"the row has {len(encoded)} bytes, at most {MAX_ROW_BYTES} are allowed")
        return encoded

    def _reject(self, file: str, line: int, bad: BadRow, value: object) -> None:
        entry = {"file": file, "line": line, "reason": str(bad)}
        self._counts["rejected"] += 1
        if len(self._rejected) < REPORTED_ROWS:
            self._rejected.append(entry)
        raw = bad.raw if isinstance(value, BadRow) else value
        text = raw if isinstance(raw, str) else json.dumps(raw, default=str, ensure_ascii=False)
        self._rejected_file.write(json.dumps({**entry, "row": text[:MAX_RAW_CHARS]}) + "\n")

    def _report_progress(self) -> None:
        if time.monotonic() - self._last_progress >= PROGRESS_INTERVAL_S:
            self._last_progress = time.monotonic()
            self._reporter.progress(self._counts["rows"], None, "rows")

    def _require_enough_good_rows(self, report: dict[str, Any]) -> None:
        rows, rejected = report["rows"], report["rejected"]
        if rows and rejected <= self._max_bad_share * (rows + rejected):
            return
        detail = "The upload has no usable row."
        if rows:
            share = rejected / (rows + rejected)
            detail = (
                f"{rejected} of {rows + rejected} rows are bad ({share:.1%}); {self._max_bad_share:.1%} are allowed."
            )
        if first := next(iter(report["rejected_rows"]), None):
            detail += f" First: {first['file']} line {first['line']}: {first['reason']}."
        raise EngineError(
            "dataset_rejected",
            detail,
            field="file",
            limit={"max_bad_share": self._max_bad_share},
            remedy="Correct the rows listed in `report.rejected_rows`, or raise max_bad_share to skip them.",
            report=report,
        )


def main(spec: dict[str, Any], reporter: Reporter, commands: Commands) -> dict[str, Any]:
    """Validate an upload. Raises EngineError for one that cannot become a dataset."""
    out = Path(spec["out"])
    files, ignored = list_files(Path(spec["path"]), spec["name"], out.parent)
    validation = Validation(spec, reporter)
    with reporter.span("read rows", files=len(files)):
        for file in files:
            validation.read(file)
    with reporter.span("write shards"):
        return validation.finish(ignored)


if __name__ == "__main__":
    run_from_shell(main)
