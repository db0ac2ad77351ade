"""What two runs of one eval say about a candidate: by grader, by row and by slice. Pure."""

import json
from collections.abc import Iterable, Iterator, Sequence
from statistics import fmean
from typing import Any

from services.evaluation.evals.models import OutputItem
from shared.events.aliases import GraderOutcome, Outcome, RowOutcome, SliceOutcome
from shared.runtime.errors import InvalidInput
from shared.suites import Suite

ROWS_LIMIT, SLICES_LIMIT, VALUE_LIMIT, ERROR_LIMIT = 50, 20, 100, 300
SAME = 1e-9
"""Scores that differ by less are equal."""
Pair = tuple[OutputItem, OutputItem | None]


def outcome_of(suite: Suite, graders: Sequence[str], candidate: list[OutputItem], current: list[OutputItem]) -> Outcome:
    """The outcome of a candidate's rows, and the current model's on the same rows (empty: it was not evaluated).

    Raises InvalidInput for a `slice_by` that no row has.
    """
    if suite.slice_by and not any(suite.slice_by in item.item for item in candidate):
        detail, remedy = f"No row has {suite.slice_by!r}.", "Name a property that rows have, or leave it out."
        raise InvalidInput(detail, field="slice_by", remedy=remedy)
    others = {item.number: item for item in current}
    pairs = [(item, others.get(item.number)) for item in sorted(candidate, key=lambda item: item.number)]
    outcomes = [_grader(name, pairs) for name in graders]
    rows = sorted(_rows(suite, outcomes, pairs), key=_loss)
    slices = list(_slices(suite.slice_by, graders, pairs)) if suite.slice_by else []
    return Outcome(
        graders=outcomes,
        rows=rows[:ROWS_LIMIT],
        rows_total=len(rows),
        slices=slices[: SLICES_LIMIT * len(graders)],
        slices_total=len(slices) // len(graders),
    )


def _loss(row: RowOutcome) -> tuple[bool, float, int]:
    """Rows that could not be graded come first, then those with the largest loss."""
    return row.error is None, row.score - (row.current_score or 0), row.number


def _result(item: OutputItem, grader: str) -> dict[str, Any]:
    return next(result for result in item.results if result["name"] == grader)


def _current_score(other: OutputItem | None, grader: str) -> float | None:
    """The current model's score; None where it was not evaluated, or its answer could not be graded."""
    if other is None or "error" in (result := _result(other, grader)):
        return None
    return float(result["score"])


def _errors(items: Iterable[OutputItem | None], grader: str) -> list[str]:
    """Why rows could not be graded, in order: the error of the answer where there is none, else the grader's."""
    found = []
    for item in items:
        if item is not None and (error := _result(item, grader).get("error")):
            found.append(str(((item.sample or {}).get("error") or error)["message"])[:ERROR_LIMIT])
    return found


def _grader(grader: str, pairs: Sequence[Pair]) -> GraderOutcome:
    results = [_result(item, grader) for item, _ in pairs]
    paired = [
        (float(_result(item, grader)["score"]), score, _result(other, grader)["passed"])
        for item, other in pairs
        if other is not None and (score := _current_score(other, grader)) is not None
    ]
    errors, current_errors = (_errors(items, grader) for items in zip(*pairs, strict=True))
    found = GraderOutcome(
        grader=grader,
        rows=len(results),
        errored=len(errors),
        error=next(iter(errors), None),
        current_errored=len(current_errors),
        current_error=next(iter(current_errors), None),
        mean=fmean(result["score"] for result in results),
        pass_share=fmean(result["passed"] for result in results),
        paired_rows=len(paired),
    )
    if paired:
        from services.evaluation.comparison.statistics import (
            paired_bootstrap,  # scipy, which the service starts without
        )

        scores, current_scores, current_passed = zip(*paired, strict=True)
        tested = paired_bootstrap(scores, current_scores)
        found.current_mean, found.current_pass_share = fmean(current_scores), fmean(current_passed)
        found.difference, (found.low, found.high) = tested.difference, tested.interval
    return found


def _rows(suite: Suite, outcomes: Iterable[GraderOutcome], pairs: Sequence[Pair]) -> Iterator[RowOutcome]:
    """Rows that got worse or could not be graded; and those that fail a grader whose threshold is missed."""
    for found in outcomes:
        threshold = suite.thresholds.get(found.grader)
        missed = threshold is not None and bool(threshold.misses(found.mean, found.pass_share))
        for item, other in pairs:
            result, before = _result(item, found.grader), _current_score(other, found.grader)
            worse = before is not None and result["score"] < before - SAME
            if worse or "error" in result or (missed and not result["passed"]):
                yield RowOutcome(
                    number=item.number,
                    grader=found.grader,
                    score=result["score"],
                    error=next(iter(_errors([item], found.grader)), None),
                    current_score=before,
                    item_id=item.id,
                    current_item_id=other.id if other else None,
                )


def _slices(column: str, graders: Sequence[str], pairs: Sequence[Pair]) -> Iterator[SliceOutcome]:
    """The results by the value of a column, the value with the most rows first."""
    groups: dict[str, list[Pair]] = {}
    for pair in pairs:
        groups.setdefault(json.dumps(pair[0].item.get(column), ensure_ascii=False), []).append(pair)
    for value, group in sorted(groups.items(), key=lambda entry: -len(entry[1])):
        for grader in graders:
            before = [score for _, other in group if (score := _current_score(other, grader)) is not None]
            yield SliceOutcome(
                value=value[:VALUE_LIMIT],
                grader=grader,
                rows=len(group),
                mean=fmean(_result(item, grader)["score"] for item, _ in group),
                current_mean=fmean(before) if before else None,
            )
