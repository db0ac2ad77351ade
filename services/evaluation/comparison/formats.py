"""A comparison as CSV and as a Markdown report."""

import csv
from collections.abc import Iterator
from io import StringIO

from services.evaluation.comparison.models import ComparisonView, Entry

CSV_COLUMNS = (
    "metric",
    "evaluation_id",
    "model_id",
    "score",
    "low",
    "high",
    "difference",
    "difference_low",
    "difference_high",
    "p_value",
    "p_adjusted",
    "test",
    "verdict",
)


def to_csv(view: ComparisonView) -> str:
    """One line for each score of each model, with all digits; empty cells for the baseline's tests."""
    text = StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(CSV_COLUMNS)
    for board in view.leaderboards:
        for entry in board.entries:
            test = entry.comparison
            tested: list[object] = [""] * 7
            if test:
                bounds = test.interval or ("", "")
                tested = [test.difference, *bounds, test.p_value, test.p_adjusted, test.test, test.verdict]
            bounds = entry.interval or ("", "")
            writer.writerow([board.metric, entry.evaluation_id, entry.model_id, entry.score, *bounds, *tested])
    return text.getvalue()


def to_markdown(view: ComparisonView) -> str:
    """A report: what was compared, what the tests found, a table for each score, warnings."""
    return "\n".join(_lines(view)) + "\n"


def _lines(view: ComparisonView) -> Iterator[str]:
    yield from ("# Comparison of models", "")
    data = view.imported.title if view.imported else f"`{view.dataset_id}@{view.dataset_version}`"
    yield f"{view.rows:,} rows of the split `{view.split}` of {data}."
    yield f"Tests are paired, against `{view.evaluations[0].model_id}` (`{view.baseline}`), at the level of 5 %."
    if view.correction:
        yield "P-values are adjusted for the number of models by Holm's method."
    yield ""
    for compared in view.evaluations[1:]:
        yield f"- `{compared.model_id}`: {compared.headline or 'not tested.'}"
    for board in view.leaderboards:
        yield from ("", f"## {board.metric}", "")
        if board.lower_is_better:
            yield from ("Lower is better.", "")
        yield "| Model | Evaluation | Score | 95 % interval | Difference | 95 % interval | p |"
        yield "|---|---|---:|---|---:|---|---:|"
        yield from map(_row, board.entries)
    if view.warnings:
        yield from ("", "## Warnings", "")
        yield from (f"- {warning.detail}" for warning in view.warnings)


def _row(entry: Entry) -> str:
    test = entry.comparison
    tested = [f"{test.difference:+.4g}", _interval(test.interval), f"{test.p_adjusted:.3g}"] if test else ["", "", ""]
    cells = [
        f"`{entry.model_id}`",
        f"`{entry.evaluation_id}`",
        f"{entry.score:.4g}",
        _interval(entry.interval),
        *tested,
    ]
    return f"| {' | '.join(cells)} |"


def _interval(interval: tuple[float, float] | None) -> str:
    return f"{interval[0]:.4g} to {interval[1]:.4g}" if interval else ""
