"""Warnings of a validation: what may not be used as it was meant, counted with the first example."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

MARKER = re.compile(rb"<(?:\|[A-Za-z_]+\||(?:start|end)_of_turn|/s)>")
PLACEHOLDERS = (b"<image>", b"<video>", b"<audio>")
MAX_NAMES = 10
"""Files that a warning lists."""
MAX_DUPLICATES = 0.2
"""Share of duplicate rows above which they are warned of."""
TEXTS = {
    "untrainable_turns": (
        "A loss mask asks to train turns of the user, the system or a tool. Only assistant turns are trained.",
        "Train on `text` rows to train every token.",
    ),
    "row_weights": (
        "Rows have a weight other than 0 and 1. Weights are not applied: every row counts once.",
        "Repeat rows that should count more.",
    ),
    "further_answers": ("Rows have several answers. Only the first one is trained.", "Make a row of every answer."),
    "missing_answers": (
        "Answers are words that stand for a missing value, such as NaN, None or #N/A. They are trained as they are.",
        "Remove these rows, unless the word is the answer.",
    ),
    "system_column_unused": (
        "Rows have one system prompt in a column and another one in their messages. The one in the messages is used.",
        "Keep one of them.",
    ),
    "template_markers": (
        "Texts contain markers of a chat template, such as <|im_end|>. They are trained as text, not as tokens that "
        "end or begin a turn.",
        "Remove them if the rows were rendered with a template before; upload conversations instead.",
    ),
    "columns_ignored": (
        "Columns with a known meaning are not used, because the layout of their rows has no place for them: {names}.",
        "See column_uses; rename, map or remove the columns.",
    ),
    "columns_not_understood": (
        "Columns are not used, because no meaning is known for their names: {names}.",
        "Map them if they belong to the rows (`mapping`), or remove them.",
    ),
    "files_skipped": (
        "Files of the archive or repository were not read: {names}.",
        "Rename files whose rows belong to the dataset; see ignored_files.",
    ),
    "members_unread": (
        "A JSON object has further members beside its rows. They were not read.",
        "Put rows under data, rows, examples, or the name of a split: train, validation, test.",
    ),
    "turns_without_answer": (
        "Conversations end with a turn that has no answer. This turn is not trained.",
        "Add the answers, or remove the last turns.",
    ),
    "misplaced_fields": (
        "Turns of the user, the system or a tool have reasoning or tool calls. These fields are not used.",
        "Move them to a turn of the assistant.",
    ),
    "unknown_splits": (
        "Rows name a split other than train, validation and test. They belong to train.",
        "Correct the column, or rename it if it means something else.",
    ),
    "media_placeholders": (
        "Texts contain <image>, <video> or <audio>. Models are trained on text only and do not see what it stands for.",
        "Remove these rows, or describe the content in words.",
    ),
    "no_training_rows": (
        "No row belongs to train, because the names of all files or keys say validation or test.",
        "Rename what should be trained. As a test set, the dataset can be used as it is.",
    ),
    "rows_rejected": ("Rows were rejected and are not part of the dataset.", "Correct the rejected rows."),
    "duplicates": (
        "More than a fifth of the rows equal an earlier row. They are kept, and trained more often than others.",
        "Remove them if this is not meant.",
    ),
}


@dataclass
class Finding:
    """How often something was found, and where first."""

    count: int = 0
    example: str = ""


class Findings:
    """Counts what the warnings of a report are about."""

    def __init__(self) -> None:
        self._found: dict[str, Finding] = {}

    def add(self, code: str, example: str, count: int = 1) -> None:
        """Count one or more occurrences."""
        finding = self._found.setdefault(code, Finding(example=example))
        finding.count += count

    def merge(self, later: "Findings") -> None:
        """Add the counts of another part of the rows; its examples count where there is none."""
        for code, item in later._found.items():
            self.add(code, item.example, item.count)

    def add_markers(self, row: bytes, source: str) -> None:
        """Count an encoded row whose texts contain a marker of a chat template, or a placeholder of an image."""
        # One character is found many times faster than several.
        has_bracket = b"<" in row
        if (has_bracket and MARKER.search(row)) or (b"/" in row and b"[/INST]" in row):
            self.add("template_markers", source)
        if has_bracket and any(placeholder in row for placeholder in PLACEHOLDERS):
            self.add("media_placeholders", source)

    def counts(self) -> dict[str, dict[str, Any]]:
        """Return {name: {rows, example}} in the order of the names."""
        return {name: {"rows": item.count, "example": item.example} for name, item in sorted(self._found.items())}

    def warnings(self) -> list[dict[str, Any]]:
        """Return the warnings, as `shared.warnings.ReportedWarning` has them."""
        return [_warning(code, item.count, item.example) for code, item in self._found.items()]


def report_warnings(report: dict[str, Any], found: Findings, *, heldout: bool) -> list[dict[str, Any]]:
    """Return the warnings of a report: those found in its rows, and those about its columns and counts.

    `heldout`: no row shall be trained.
    """
    if report["rejected"]:
        first = report["rejected_rows"][0]
        found.add("rows_rejected", f"{first['file']}:{first['line']}: {first['reason']}", report["rejected"])
    if report["rows"] and not report["splits"]["train"] and not heldout:
        found.add("no_training_rows", "", report["rows"])
    if report["duplicates"] > MAX_DUPLICATES * report["rows"]:
        found.add("duplicates", "", report["duplicates"])
    columns = [*_columns_warning(report, "not_understood"), *_columns_warning(report, "ignored")]
    return [*columns, *found.warnings()]


def skipped_files_warning(skipped: Mapping[str, str]) -> list[dict[str, Any]]:
    """One warning that lists the files of an archive or repository that were not read, and why."""
    if not skipped:
        return []
    names = ", ".join(f"{name} ({reason})" for name, reason in list(skipped.items())[:MAX_NAMES])
    names += f" and {len(skipped) - MAX_NAMES} more" if len(skipped) > MAX_NAMES else ""
    return [_warning("files_skipped", len(skipped), next(iter(skipped)), names=names)]


def _columns_warning(report: dict[str, Any], use: str) -> list[dict[str, Any]]:
    """One warning that lists the columns; columns without values and those that cannot matter are left out."""
    uses = [c for c in report["column_uses"] if c["use"] == use and c["rows"]]
    uses = [c for c in uses if use == "not_understood" or c["detail"].startswith("not part")]
    if not uses:
        return []
    names = ", ".join(dict.fromkeys(column["name"] for column in uses[:20]))
    return [_warning(f"columns_{use}", len(uses), uses[0]["name"], names=names)]


def _warning(code: str, count: int, example: str, **values: str) -> dict[str, Any]:
    detail, remedy = TEXTS[code]
    return {
        "code": code,
        "detail": detail.format(**values),
        "count": count,
        "example": example or None,
        "remedy": remedy,
    }
