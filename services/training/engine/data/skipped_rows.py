"""Rows that the chat template cannot show, or refuses: counted while they are skipped, and kept with the tokens."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from pydantic import BaseModel

from shared.engine.process.protocol import EngineError, Reporter
from shared.row_features import IN_WORDS

NOT_SHOWN, REFUSED = "rows_not_shown_by_template", "rows_refused_by_template"
_MAX_REASONS = 10
_REMEDIES = {
    NOT_SHOWN: "Remove these parts from the rows, or train a base model whose chat template shows them.",
    REFUSED: "Correct these rows, or train a base model with another chat template.",
}


class SkippedKind(BaseModel):
    """Rows skipped for one kind of reason: their number, the source of the first, and the first different reasons."""

    count: int
    example: str
    reasons: list[str]


class SkippedRows(BaseModel):
    """Skipped rows by warning code."""

    kinds: dict[str, SkippedKind] = {}

    def add(self, code: str, source: str, reasons: Iterable[str]) -> None:
        """Count a row from `source`, such as `data.jsonl:17`."""
        self._add(code, SkippedKind(count=1, example=source, reasons=list(reasons)))

    def merge(self, later: SkippedRows) -> None:
        """Add the counts of rows that come after these."""
        for code, kind in later.kinds.items():
            self._add(code, kind)

    def warn(self, reporter: Reporter) -> None:
        """Report a warning for each kind."""
        for code, kind in self.kinds.items():
            reporter.warn(code, self._describe(code), count=kind.count, example=kind.example, remedy=_REMEDIES[code])

    def check_rows_left(self, rows: int) -> None:
        """Raise EngineError `nothing_to_train` with the first reason if none of the training rows is left."""
        if self.kinds and not rows:
            code, kind = next(iter(self.kinds.items()))
            detail = f"no row is left to train: {self._describe(code)}"
            raise EngineError("nothing_to_train", detail, row=kind.example, remedy=_REMEDIES[code])

    def save(self, path: Path) -> None:
        """Write the counts to a file."""
        path.write_text(self.model_dump_json(), "utf-8")

    @classmethod
    def read(cls, path: Path) -> SkippedRows:
        """Read what `save` has written."""
        return cls.model_validate_json(path.read_bytes())

    def _describe(self, code: str) -> str:
        kind = self.kinds[code]
        rows = f"{kind.count} row is" if kind.count == 1 else f"{kind.count} rows are"
        if code == NOT_SHOWN:
            features = ", ".join(IN_WORDS.get(feature, feature) for feature in kind.reasons)
            return f"{rows} skipped: the chat template cannot show {features}"
        return f"{rows} skipped: {kind.reasons[0]}"

    def _add(self, code: str, added: SkippedKind) -> None:
        kind = self.kinds.setdefault(code, SkippedKind(count=0, example=added.example, reasons=[]))
        kind.count += added.count
        kind.reasons = list(dict.fromkeys([*kind.reasons, *added.reasons]))[:_MAX_REASONS]
