"""Use cases of comparisons: leaderboards of several evaluations, and the rows that changed between two."""

import asyncio
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, get_args

from services.evaluation.comparison.models import (
    MAX_COMPARED,
    Change,
    ChangedRow,
    ChangePage,
    Compared,
    ComparisonView,
    Entry,
    Leaderboard,
)
from services.evaluation.comparison.scores import LOWER_IS_BETTER
from services.evaluation.errors import NotComparable, NotFinished
from services.evaluation.models import Evaluation
from services.evaluation.runner import REPORT, STATISTICS
from services.evaluation.store import Evaluations
from shared.blobs.artifacts import key_of
from shared.blobs.protocol import Blobs
from shared.runtime.errors import InvalidInput
from shared.warnings import ReportedWarning

REMEDIES = {
    "source": "Compare imported evaluations with imported ones of the same task.",
    "task_hash": "Their rows or prompts differ: run lm-eval on both models with the same data, limit and templates.",
}
"""For differences that no other setting of an evaluation removes."""


@dataclass(frozen=True)
class Comparisons:
    """What the API calls."""

    evaluations: Evaluations
    blobs: Blobs
    _computing: asyncio.Lock = field(default_factory=asyncio.Lock)
    """One comparison at a time: the reports of one may take some hundred megabytes."""

    async def compare(self, project: str, ids: Sequence[str]) -> ComparisonView:
        """Compare succeeded evaluations of the same rows; the first is the baseline."""
        if not 2 <= len(ids) <= MAX_COMPARED or len(set(ids)) < len(ids):
            detail = f"{len(ids)} evaluations are given, {len(set(ids))} of them different."
            remedy = f"Name 2 to {MAX_COMPARED} different evaluations, separated by commas."
            raise InvalidInput(detail, field="ids", limit={"ge": 2, "le": MAX_COMPARED}, remedy=remedy)
        found = [await self.finished(project, id, "ids") for id in ids]
        check_comparable(found)
        async with self._computing:
            contents = [await self.read(evaluation, STATISTICS) for evaluation in found]
            return await asyncio.to_thread(_compare, found, contents)

    async def changes(
        self, project: str, baseline: str, candidate: str, metric: str, change: Change, offset: int, limit: int
    ) -> ChangePage:
        """Return the rows that got better or worse, or stayed the same, from the baseline to the candidate."""
        found = [
            await self.finished(project, baseline, "baseline"),
            await self.finished(project, candidate, "candidate"),
        ]
        check_comparable(found)
        async with self._computing:
            reports = [await self.read(evaluation, REPORT) for evaluation in found]
            lower = metric in _lower_is_better(found[0])
            return await asyncio.to_thread(_changes, reports, metric, lower, change, offset, limit)

    async def finished(self, project: str, id: str, field: str) -> Evaluation:
        """Return an evaluation that has succeeded. Raises NotFound or NotFinished."""
        evaluation = await self.evaluations.for_project(project).get(id)
        if evaluation.report_uri is None:
            remedy = f"GET /evaluations/{id} until its state is succeeded."
            detail = f"The evaluation {id} is {evaluation.state}."
            raise NotFinished(detail, field=field, limit="succeeded", remedy=remedy)
        return evaluation

    async def read(self, evaluation: Evaluation, name: str) -> bytes:
        """Return a file of its report. Raises NotComparable where an earlier version did not write it."""
        key = f"{key_of(evaluation.report_uri or '', evaluation.project)}/{name}"
        if await self.blobs.stat(key) is None:
            detail = f"The evaluation {evaluation.id} was made by an earlier version, without statistics of its rows."
            raise NotComparable(detail, field="ids", remedy="Evaluate its model again with the same settings.")
        return b"".join([chunk async for chunk in self.blobs.read(key)])


def check_comparable(evaluations: Sequence[Evaluation]) -> None:
    """Raise NotComparable with the first difference between the first evaluation and another."""
    first = _rows_and_settings(evaluations[0])
    for evaluation in evaluations[1:]:
        for name, value in _rows_and_settings(evaluation).items():
            if value != first[name]:
                detail = (
                    f"{evaluation.id} and {evaluations[0].id} are not comparable: {name} is {value!r} in the one and "
                    f"{first[name]!r} in the other."
                )
                remedy = REMEDIES.get(name, f"Evaluate both with the same {name}.")
                raise NotComparable(detail, field=name, limit=first[name], remedy=remedy)


def _rows_and_settings(evaluation: Evaluation) -> dict[str, Any]:
    scope, imported = evaluation.scope, evaluation.scope.imported
    if imported:
        fields = ("source", "task", "task_version", "num_fewshot", "generation", "task_hash")
        return {name: getattr(imported, name) for name in fields}
    return {
        "source": "anneal",
        "dataset": f"{scope.dataset_id}@{scope.dataset_version}",
        "split": scope.split,
        "rows": scope.rows,
        "max_new_tokens": scope.settings.max_new_tokens,
    }


def _compare(evaluations: Sequence[Evaluation], contents: Sequence[bytes]) -> ComparisonView:
    """Compute the leaderboards; scipy is imported here, as no other request needs it."""
    from services.evaluation.comparison.leaderboard import leaderboards, load_rows
    from services.evaluation.comparison.summary import headline

    models = [
        load_rows(content, evaluation.outcome.signatures, _lower_is_better(evaluation))
        for content, evaluation in zip(contents, evaluations, strict=True)
    ]
    for evaluation, model in zip(evaluations, models, strict=True):
        if model.ids != models[0].ids:
            different = len(set(model.ids) ^ set(models[0].ids))
            detail = f"{evaluation.id} and {evaluations[0].id} scored different rows: {different} are in one only."
            remedy = (
                "Their `warnings` name the rows that a chat template cannot show; leave these rows out of the data."
            )
            raise NotComparable(detail, field="ids", remedy=remedy)
    boards, warnings = leaderboards(models)
    named = [_named(board, evaluations) for board in boards]
    scope = evaluations[0].scope
    return ComparisonView(
        baseline=evaluations[0].id,
        dataset_id=scope.dataset_id,
        dataset_version=scope.dataset_version,
        imported=scope.imported,
        split=scope.split,
        rows=len(models[0].ids),
        correction="holm" if len(evaluations) > 2 else None,
        evaluations=[
            Compared(
                evaluation_id=evaluation.id,
                model_id=evaluation.scope.model_id,
                base=evaluation.scope.base,
                headline=headline(_tests_of(evaluation.id, named), len(models[0].ids), scope.model_id),
                answers=evaluation.outcome.answers,
            )
            for evaluation in evaluations
        ],
        leaderboards=named,
        warnings=[*warnings, *_other_warnings(evaluations)],
    )


def _lower_is_better(evaluation: Evaluation) -> frozenset[str]:
    return LOWER_IS_BETTER.union(evaluation.outcome.lower_is_better)


def _other_warnings(evaluations: Sequence[Evaluation]) -> list[ReportedWarning]:
    """What the evaluations themselves say against their scores, once each."""
    found = {
        warning.code: warning
        for evaluation in evaluations
        for warning in evaluation.outcome.warnings
        if warning.code in ("few_rows", "scored_on_training_rows")
    }
    return list(found.values())


def _named(board: dict[str, Any], evaluations: Sequence[Evaluation]) -> Leaderboard:
    entries = [
        Entry(
            evaluation_id=evaluations[entry["index"]].id,
            model_id=evaluations[entry["index"]].scope.model_id,
            score=entry["score"],
            interval=entry["interval"],
            comparison=entry["comparison"],
        )
        for entry in board["entries"]
    ]
    return Leaderboard(metric=board["metric"], lower_is_better=board["lower_is_better"], entries=entries)


def _tests_of(id: str, boards: Sequence[Leaderboard]) -> dict[str, dict[str, Any]]:
    return {
        board.metric: entry.comparison.model_dump()
        for board in boards
        for entry in board.entries
        if entry.evaluation_id == id and entry.comparison
    }


def _changes(reports: Sequence[bytes], metric: str, lower: bool, change: Change, offset: int, limit: int) -> ChangePage:
    """Compare the rows that both reports have; a row without this score is in none of the counts."""
    baseline, candidate = ({row["row"]: row for row in map(json.loads, report.splitlines())} for report in reports)
    scored = [
        id for id in baseline if id in candidate and metric in baseline[id]["scores"].keys() & candidate[id]["scores"]
    ]
    if not scored:
        known = sorted({name for row in baseline.values() for name in row["scores"]})
        remedy = f"Use one of {', '.join(known)}."
        raise InvalidInput(f"No row has a score {metric!r} in both.", field="metric", limit=known, remedy=remedy)
    sign = -1 if lower else 1
    gains = {id: sign * (candidate[id]["scores"][metric] - baseline[id]["scores"][metric]) for id in scored}
    kinds = {id: "better" if gain > 0 else "worse" if gain < 0 else "same" for id, gain in gains.items()}
    counts = Counter(kinds.values())
    ordered = sorted((id for id in scored if kinds[id] == change), key=lambda id: (-abs(gains[id]), id))
    items = [
        ChangedRow(
            **{name: candidate[id][name] for name in ("row", "source", "prompt", "reference")},
            baseline=baseline[id]["tuned"],
            candidate=candidate[id]["tuned"],
            baseline_score=baseline[id]["scores"][metric],
            candidate_score=candidate[id]["scores"][metric],
        )
        for id in ordered[offset : offset + limit]
    ]
    by_change = {kind: counts[kind] for kind in get_args(Change)}
    return ChangePage(metric=metric, counts=by_change, items=items, offset=offset, total=len(ordered))
