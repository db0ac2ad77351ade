"""Validation, from the uploaded file to shards: reads, checks, normalizes, counts and splits, row by row.

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

from services.dataset.engine.archive import DAMAGED, SourceFile, files_of
from services.dataset.engine.lines import BadRow, Item
from services.dataset.engine.plain_rows import Decode, PlainRow, decoder
from services.dataset.engine.rows import Normalize, Row, characters_of, group_of, normalizer
from services.dataset.engine.sources import items
from services.dataset.engine.splits import Duplicates
from services.dataset.engine.splitting import Splitter
from services.dataset.formats import (
    MAPPING_SYNTAX,
    MAX_ROW_BYTES,
    REPORTED_ROWS,
    Layout,
    columns_by_name,
    layout_of,
    recognised,
)
from shared.engine.process.protocol import Commands, EngineError, Reporter, run_from_shell

PEEKED = 20
"""Rows that are looked at before a file's layout counts as unknown."""
SHOWN_RAW = 10_000
"""Characters of a rejected row's content that rejected.jsonl keeps."""
PROGRESS_INTERVAL = 0.5
PROGRESS_ROWS = 500


class Validation:
    """One run over the files of an upload."""

    def __init__(self, spec: dict[str, Any], reporter: Reporter) -> None:
        options, out = spec["options"], Path(spec["out"])
        self._reporter, self._mapping = reporter, options.get("mapping")
        self._max_bad_share: float = options["max_bad_share"]
        self._encode = msgspec.json.Encoder().encode
        share, seed = options["validation_share"], options["seed"]
        self._splitter = Splitter(out, share=share, seed=seed, heldout=options["heldout"])
        self._duplicates = Duplicates(out / "hashes")
        self._set_aside = (out / "rejected.jsonl").open("w", encoding="utf-8")
        self._rejected: list[dict[str, Any]] = []
        self._counts: Counter[str] = Counter()
        self._layouts: dict[str, Layout] = {}
        self._columns: dict[str, None] = {}
        self._files: list[dict[str, Any]] = []
        self._plain: Decode = lambda line: None
        self._last_progress = time.monotonic()

    def read(self, file: SourceFile) -> None:
        """Take in every row of a file. Raises EngineError where the file as a whole cannot be used."""
        before = Counter(self._counts)
        try:
            self._plain = lambda line: None
            stream = items(file.name, file.extension, file.opened, lambda line: self._plain(line))
            head, rows = self._recognize(file, stream)
            for line, value in chain(head, stream):
                self._take(file.name, line, value, rows)
        except DAMAGED as error:
            remedy = "Make the archive again, or transfer it again."
            raise EngineError(
                "archive_refused", f"{file.name} in the archive is damaged: {error}", remedy=remedy
            ) from error
        rejected = self._counts["rejected"] - before["rejected"]
        self._files.append({"name": file.name, "rows": self._counts["rows"] - before["rows"], "rejected": rejected})

    def finish(self, ignored: list[str]) -> dict[str, Any]:
        """Close the shards and decide; raises EngineError `dataset_rejected`."""
        self._set_aside.close()
        splits, shards = self._splitter.close()
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
        self._decide(report)
        return {"report": report, "shards": shards}

    def _recognize(self, file: SourceFile, stream: Iterator[Item]) -> tuple[list[Item], Normalize | None]:
        """The rows looked at, and how to normalize; None where no row is an object (each is then rejected alone)."""
        head: list[Item] = []
        columns: dict[str, None] = {}
        for item in stream:
            head.append(item)
            if isinstance(item[1], dict):
                columns |= dict.fromkeys(map(str, item[1]))
                named = columns_by_name(item[1], self._mapping)
                if layout := layout_of(named):
                    self._accept(file, layout, columns)
                    self._plain = decoder(layout, named, columns)
                    return head, normalizer(layout, named)
            if len(head) >= PEEKED:
                break
        if columns:
            self._refuse_layout(file, list(columns))
        return head, None

    def _accept(self, file: SourceFile, layout: Layout, columns: dict[str, None]) -> None:
        forms = {known.form for known in self._layouts.values()} | {layout.form}
        if len(forms) > 1:
            detail = f"{file.name} holds {layout.form} rows, the files before it hold others."
            raise EngineError("layout_not_recognised", detail, file=file.name, remedy="Upload them as two datasets.")
        self._layouts.setdefault(layout.name, layout)
        self._columns |= columns

    def _refuse_layout(self, file: SourceFile, columns: list[str]) -> None:
        wanted = self._mapping or {}
        missing = [theirs for theirs in wanted.values() if theirs not in columns]
        detail = (
            f"{file.name} has no column {missing[0]!r}"
            if missing
            else f"The columns of {file.name} are no known layout"
        )
        raise EngineError(
            "layout_not_recognised",
            f"{detail}. Columns found: {', '.join(columns[:50])}.",
            field="mapping",
            limit=recognised(),
            remedy=f"Send the form field `mapping` as JSON, e.g. {MAPPING_SYNTAX}, with names of columns found.",
            file=file.name,
            columns=columns[:50],
        )

    def _take(self, file: str, line: int, value: object, normalize: Normalize | None) -> None:
        try:
            if isinstance(value, PlainRow):
                row: Row = {"messages": value.messages}
                group, characters = value.group, value.characters
            else:
                row = self._normalized(value, normalize)
                group, characters = group_of(row), characters_of(row)
            encoded = self._encoded(row)
        except BadRow as bad:
            self._reject(file, line, bad, value)
            return
        self._splitter.add(group, (self._counts["rows"] + self._counts["rejected"], f"{file}:{line}", encoded))
        self._duplicates.add(encoded)
        self._counts["rows"] += 1
        self._counts["characters"] += characters
        if self._counts["rows"] % PROGRESS_ROWS == 0:
            self._tell()

    def _normalized(self, value: object, normalize: Normalize | None) -> Row:
        if isinstance(value, BadRow):
            raise value
        if normalize is None:
            raise BadRow("a row is an object with named columns, this is something else")
        return normalize(value)

    def _encoded(self, row: dict[str, Any]) -> bytes:
        try:
            encoded = self._encode(row)
        except (UnicodeEncodeError, TypeError, OverflowError, RecursionError) as error:
            reason = "half a character (a lone surrogate)" if isinstance(error, UnicodeEncodeError) else str(error)
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
        shown = raw if isinstance(raw, str) else json.dumps(raw, default=str, ensure_ascii=False)
        self._set_aside.write(json.dumps({**entry, "row": shown[:SHOWN_RAW]}) + "\n")

    def _tell(self) -> None:
        if time.monotonic() - self._last_progress >= PROGRESS_INTERVAL:
            self._last_progress = time.monotonic()
            self._reporter.progress(self._counts["rows"], None, "rows")

    def _decide(self, report: dict[str, Any]) -> None:
        rows, rejected = report["rows"], report["rejected"]
        if rows and rejected <= self._max_bad_share * (rows + rejected):
            return
        detail = "There is no usable row in it."
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
            remedy="Correct the rows listed in `report.rejected_rows`, or raise max_bad_share to set them aside.",
            report=report,
        )


def main(spec: dict[str, Any], reporter: Reporter, commands: Commands) -> dict[str, Any]:
    """Validate an upload; raises EngineError for one that cannot become a dataset."""
    out = Path(spec["out"])
    files, ignored = files_of(Path(spec["path"]), spec["name"], out.parent)
    validation = Validation(spec, reporter)
    with reporter.span("read rows", files=len(files)):
        for file in files:
            validation.read(file)
    with reporter.span("write shards"):
        return validation.finish(ignored)


if __name__ == "__main__":
    run_from_shell(main)
