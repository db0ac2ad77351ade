"""Rows that cannot be scored: skipped, counted by reason, and reported as warnings."""

from dataclasses import dataclass, field

from shared.engine.process.protocol import EngineError
from shared.warnings import ReportedWarning

NO_ANSWER, UNDESIRABLE = "rows_without_answer", "rows_with_undesirable_answer"
NOT_SHOWN, REFUSED = "rows_not_shown_by_template", "rows_refused_by_template"
_REASONS = {
    NO_ANSWER: "no assistant turn after a prompt is trained, so there is no reference answer",
    UNDESIRABLE: "an undesirable answer is not a reference",
}
_REMEDIES = {
    NO_ANSWER: "Add the answers, or change the loss mask of these rows.",
    NOT_SHOWN: "Remove these parts from the rows, or use a base model whose chat template shows them.",
    REFUSED: "Correct these rows, or use a base model with another chat template.",
}


@dataclass
class SkippedRows:
    """Warnings of skipped rows by code."""

    kinds: dict[str, ReportedWarning] = field(default_factory=dict)

    def add(self, code: str, source: str, reason: str = "") -> None:
        """Count a row from `source`, such as `data.jsonl:17`; the reason of the first row is reported."""
        detail = f"Rows are skipped: {reason or _REASONS[code]}."
        kind = self.kinds.setdefault(
            code, ReportedWarning(code=code, detail=detail, count=0, example=source, remedy=_REMEDIES.get(code))
        )
        kind.count = (kind.count or 0) + 1

    def check_rows_left(self, rows: int) -> None:
        """Raise EngineError `nothing_to_evaluate` with the first reason if no row is left."""
        if not rows and self.kinds:
            first = next(iter(self.kinds.values()))
            raise EngineError("nothing_to_evaluate", first.detail, row=first.example, remedy=first.remedy)
