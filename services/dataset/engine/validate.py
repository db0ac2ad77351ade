"""Validates an upload: reads, checks, normalizes, counts and splits its rows, and writes them to shards.

Spec: {"path": the upload, "name": its file name, "out": an empty folder for what is published, "options": {mapping,
validation_share, max_bad_share, seed, heldout, encoding}, "unused_files": of a hub dataset, those that no split has}.
Result: {"report", "shards"}; the report is `models.Report`.
By hand: `python -m services.dataset.engine.validate spec.json`.
"""

import json
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping
from itertools import chain
from pathlib import Path
from typing import Any

import msgspec

from services.dataset.engine.archive import DAMAGED_MEMBER_ERRORS, SourceFile, list_files
from services.dataset.engine.chat_fast_path import ChatDecoder, ChatRow
from services.dataset.engine.columns import ColumnReader, RowPlan
from services.dataset.engine.duplicates import DuplicateCounter
from services.dataset.engine.file_readers import read_file
from services.dataset.engine.findings import Findings, report_warnings, skipped_files_warning
from services.dataset.engine.json_documents import SplitRow
from services.dataset.engine.lines import BadRow, NumberedRow
from services.dataset.engine.messages import RowNotes
from services.dataset.engine.normalize import Row, count_characters, split_group
from services.dataset.engine.splits import SplitWriter
from services.dataset.formats import MAX_ROW_BYTES
from services.dataset.layouts import MAPPING_SYNTAX, Form, required_columns, unsupported_hint
from shared.engine.process.protocol import Commands, EngineError, Reporter, run_from_shell
from shared.engine.text.features import row_features

PROBED_ROWS = 20
"""Rows of a file that are searched for a layout before the file is refused."""
REPORTED_ROWS = 20
"""Rejected rows in the report; rejected.jsonl has all of them."""
MAX_RAW_CHARS = 10_000
"""Characters of a rejected row that rejected.jsonl keeps."""
FORM_NAMES: dict[Form, str] = {
    "text": "a text",
    "messages": "a conversation",
    "preference": "a preference pair",
    "unpaired": "an unpaired preference",
}
LABELED_OR_NOT = {"messages", "unpaired"}
"""Forms that differ by a label."""
PROGRESS_INTERVAL_S = 0.5
PROGRESS_ROWS = 500


class Validation:
    """One run over the files of an upload."""

    def __init__(self, spec: dict[str, Any], reporter: Reporter, skipped: Mapping[str, str]) -> None:
        """`skipped` are the files that are not read, and why."""
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
        self._form: Form | None = None
        self._first_file = ""
        self._heldout: bool = options["heldout"]
        self._layouts: dict[str, None] = {}
        self._columns = ColumnReader(self._mapping)
        self._findings = Findings()
        self._features: defaultdict[str | None, Findings] = defaultdict(Findings)  # by split that the upload names
        self._files: list[dict[str, Any]] = []
        self._skipped = dict(skipped)
        self._fast_path: tuple[ChatDecoder, RowPlan] | None = None
        self._last_progress = time.monotonic()

    def read(self, file: SourceFile) -> None:
        """Process every row of a file. Raises EngineError where the file as a whole cannot be used."""
        before = Counter(self._counts)
        try:
            self._fast_path = None
            self._columns.begin_file()
            stream = self._rows(file)
            for line, value in chain(self._probe(file, stream), stream):
                self._process(file, line, value)
        except (*DAMAGED_MEMBER_ERRORS, OSError) as error:
            if isinstance(error, OSError) and error.errno is not None:
                raise
            remedy = "Create the archive again, or upload it again."
            raise EngineError(
                "archive_refused", f"{file.name} in the archive is damaged: {error}", remedy=remedy
            ) from error
        if file.name not in self._skipped:
            counts = {name: self._counts[name] - before[name] for name in ("rows", "rejected")}
            self._files.append({"name": file.name, "split": file.split, **counts})

    def _rows(self, file: SourceFile) -> Iterator[NumberedRow]:
        # The reader starts before the layout is known: it calls the decoder that is set at that moment.
        return read_file(file.name, file.extension, file.open, self._decode_chat, self._report_unread(file))

    def finish(self) -> dict[str, Any]:
        """Close the shards and return the result. Raises EngineError `dataset_rejected`."""
        self._rejected_file.close()
        splits, shards = self._splits.close()
        for counts in self._files:
            counts["split"] = counts["split"] and self._splits.resolve(counts["split"])
        if (column := self._columns.missing_mapped_column()) is not None:
            self._refuse_columns("The upload", list(self._columns.kinds), missing=column)
        report = {
            "rows": self._counts["rows"],
            "rejected": self._counts["rejected"],
            "rejected_rows": self._rejected,
            "duplicates": self._duplicates.count(),
            "form": self._form or "text",
            "layout": ", ".join(self._layouts),
            "columns": list(self._columns.kinds),
            "column_uses": self._columns.uses(),
            "kept_columns": list(self._columns.kept_columns),
            "features": self._trained_features().counts(),
            "splits": splits,
            "characters": self._counts["characters"],
            "files": self._files,
            "ignored_files": list(self._skipped),
        }
        found = report_warnings(report, self._findings, heldout=self._heldout)
        report["warnings"] = [*found, *skipped_files_warning(self._skipped)]
        self._require_enough_good_rows(report)
        return {"report": report, "shards": shards}

    def _trained_features(self) -> Findings:
        """The features of all rows that a job may train or validate on: those outside the test split."""
        trained = Findings()
        for split, found in self._features.items():
            if self._splits.resolve(split or "train") != "test":
                trained.merge(found)
        return trained

    def _probe(self, file: SourceFile, stream: Iterator[NumberedRow]) -> list[NumberedRow]:
        """Return the rows up to the first with a layout. Raises EngineError if none of the first objects has one."""
        head: list[NumberedRow] = []
        columns: dict[str, None] = {}
        known = dict(self._columns.kinds)
        for item in stream:
            head.append(item)
            if isinstance(item[1], dict):
                columns |= dict.fromkeys(map(str, item[1]))
                if plan := self._columns.find(item[1]):
                    self._accept_layout(file, plan)
                    return head
            if len(head) >= PROBED_ROWS:
                break
        if columns and file.in_archive and file.extension == ".json" and len(head) == 1:
            self._skipped[file.name] = f"one object that is no row: {', '.join(list(columns)[:5])}"
            self._columns.kinds = known
            return []
        if columns:
            mapped = (self._mapping or {}).values()
            missing = next((column for column in mapped if column not in columns), None)
            self._refuse_columns(file.name, list(columns), missing)
        return head

    def _accept_layout(self, file: SourceFile, plan: RowPlan) -> None:
        if self._form is None:
            self._form, self._first_file = plan.layout.form, file.name
        if self._form != plan.layout.form:
            found, expected = (FORM_NAMES[form].split(maxsplit=1)[1] for form in (plan.layout.form, self._form))
            detail = f"{file.name} holds {found}s, but {self._first_file} holds {expected}s."
            remedy = f"Upload them as two datasets, or remove {file.name} from the archive if it is not data."
            raise EngineError("layout_not_recognised", detail, file=file.name, remedy=remedy)

    def _refuse_columns(self, name: str, columns: list[str], missing: str | None) -> None:
        detail = f"The columns of {name} match no layout" if missing is None else f"{name} has no column {missing!r}"
        raise EngineError(
            "layout_not_recognised",
            f"{detail}. Columns found: {', '.join(columns[:50])}. {unsupported_hint(columns)}".rstrip(),
            field="mapping",
            limit=required_columns(),
            remedy=f"Send the form field `mapping` as JSON, e.g. {MAPPING_SYNTAX}, with names of columns found.",
            file=name,
            columns=columns[:50],
        )

    def _decode_chat(self, line: bytes) -> ChatRow | None:
        return self._fast_path[0].decode(line) if self._fast_path else None

    def _report_unread(self, file: SourceFile) -> Callable[[str], None]:
        return lambda member: self._findings.add("members_unread", f"{file.name}: {member}")

    def _process(self, file: SourceFile, line: int, value: object) -> None:
        source = f"{file.name}:{line}"
        split = value.split if isinstance(value, SplitRow) else file.split
        try:
            if isinstance(value, ChatRow) and self._fast_path:
                row: Row = {"messages": value.messages}
                group, characters, features = value.group, value.characters, value.features
                columns = self._columns.kept(value.others)
                self._columns.count(self._fast_path[1], value.others)
            else:
                row, notes = self._normalize(value, source)
                split, columns = notes.split or split, notes.columns
                group, characters, features = split_group(row), count_characters(row), row_features(row)
            encoded, kept = self._encode_row(row), self._encode_row(columns) if columns else b""
        except BadRow as bad:
            self._reject(file.name, line, bad, value)
            return
        if split == "train" and self._heldout:
            detail = f"The option `heldout` holds out every row, but {source} belongs to a training split."
            remedy = "Upload without `heldout`: rows of a split named test are never trained."
            raise EngineError("dataset_rejected", detail, field="heldout", remedy=remedy)
        for feature in features:
            self._features[split].add(feature, source)
        self._findings.add_markers(encoded, source)
        self._splits.add(group, (self._counts["rows"] + self._counts["rejected"], source, encoded, kept), split)
        self._duplicates.add(encoded)
        self._counts["rows"] += 1
        self._counts["characters"] += characters
        if self._counts["rows"] % PROGRESS_ROWS == 0:
            self._report_progress()

    def _normalize(self, value: object, source: str) -> tuple[Row, RowNotes]:
        """Return the normalized row, and what reading it found."""
        if isinstance(value, BadRow):
            raise value
        notes, seen = RowNotes(), len(self._columns.kinds)
        plan, row = self._columns.read(value, notes)
        self._form = self._form or plan.layout.form
        if plan.layout.form != self._form:
            found, expected = FORM_NAMES[plan.layout.form], FORM_NAMES[self._form]
            is_label = {plan.layout.form, self._form} == LABELED_OR_NOT
            hint = "; label every row true or false, or none" if is_label else ""
            raise BadRow(f"the row is {found} ({plan.name}), the rows before it are not: {expected} is expected{hint}")
        self._layouts[plan.name] = None
        for code in notes.codes:
            self._findings.add(code, source)
        if plan.layout.conversion == "conversation" and (self._fast_path is None or len(self._columns.kinds) != seen):
            self._set_fast_path(plan.columns["messages"])
        return row, notes

    def _set_fast_path(self, messages: str) -> None:
        """Decode lines with the columns seen so far without normalization, where they need none."""
        kinds = {column: kind for column, kind in self._columns.kinds.items() if column != messages}
        others = [column for column, kind in kinds.items() if kind == "other"]
        plan = self._columns.find({messages: "filled"})
        decoder = ChatDecoder(messages, [column for column in kinds if column not in others], others)
        self._fast_path = (decoder, plan) if plan else None

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
        self._counts["rejected"] += bad.rows
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
        remedy = "Correct the rows listed in `report.rejected_rows`, or raise max_bad_share to skip them."
        if self._skipped:
            detail += f" {skipped_files_warning(self._skipped)[0]['detail']}"
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
            remedy=remedy if rejected else "Check that the file is complete; a table needs rows below its header.",
            report=report,
        )


def main(spec: dict[str, Any], reporter: Reporter, commands: Commands) -> dict[str, Any]:
    """Validate an upload. Raises EngineError for one that cannot become a dataset."""
    out = Path(spec["out"])
    files, skipped = list_files(Path(spec["path"]), spec["name"], out.parent, spec["options"].get("encoding", "utf-8"))
    skipped |= dict.fromkeys(spec.get("unused_files", []), "in no split of the hub dataset")
    validation = Validation(spec, reporter, skipped)
    with reporter.span("read rows", files=len(files)):
        for file in files:
            validation.read(file)
    with reporter.span("write shards"):
        return validation.finish()


if __name__ == "__main__":
    run_from_shell(main)
