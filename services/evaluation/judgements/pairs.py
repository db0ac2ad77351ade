"""The rows of a judgement: what was asked, and the answers of both sides, from evaluations or eval runs."""

import json
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from services.evaluation.comparison.service import Comparisons, check_comparable
from services.evaluation.errors import NotComparable, NotFinished, NothingToEvaluate, UnknownColumn
from services.evaluation.evals.models import EvalRun, OutputItem, Sides
from services.evaluation.evals.service import EvalService, named
from services.evaluation.judgements.models import JudgementRequest
from services.evaluation.models import Evaluation
from services.evaluation.runner import REPORT
from shared.content_parts import TEXT_PARTS, join_texts
from shared.runtime.errors import InvalidInput

SEED = 20_261_130
"""Fixed: judges with the same number of rows see the same ones."""
EVALUATION, RUN = "evaluation_", "evalrun_"
Row = dict[str, Any]


@dataclass(frozen=True)
class PairReader:
    """Reads the answers of both sides."""

    comparisons: Comparisons
    evals: EvalService

    async def read(self, project: str, request: JudgementRequest) -> tuple[Sides, list[Row]]:
        """Return who is compared; and of each row {row, question, reference, baseline, candidate, vote}.

        Raises NotFound, NotFinished, NotComparable, UnknownColumn or NothingToEvaluate.
        """
        kinds = {
            self._kind(id, field)
            for field, id in (("candidate", request.candidate), ("baseline", request.baseline))
            if id
        }
        if len(kinds) > 1:
            detail = "One of them is an evaluation, the other an eval run, which have no rows in common."
            raise NotComparable(
                detail, field="baseline", remedy="Name two evaluations, or two eval runs of the same rows."
            )
        found = await (self._evaluations if kinds == {EVALUATION} else self._runs)(project, request)
        sides, rows = found
        if request.votes:
            _require_votes(rows, request.votes.column)
        kept = [row for row in rows if row["baseline"] is not None and row["candidate"] is not None]
        if not kept:
            detail, remedy = "No row has an answer of both.", "Judge evaluations of data with reference answers."
            raise NothingToEvaluate(detail, field="candidate", remedy=remedy)
        if request.rows and request.rows < len(kept):
            chosen = random.Random(SEED).sample(range(len(kept)), request.rows)  # noqa: S311 - a repeatable choice
            kept = [kept[place] for place in sorted(chosen)]
        return sides.model_copy(update={"skipped": sum(_lacks_answer(row) for row in rows)}), kept

    def _kind(self, id: str, field: str) -> str:
        kind = next((prefix for prefix in (EVALUATION, RUN) if id.startswith(prefix)), None)
        if kind is None:
            detail = f"{id!r} is the id of neither an evaluation nor an eval run."
            raise InvalidInput(
                detail, field=field, limit=[EVALUATION, RUN], remedy="GET /evaluations lists evaluations."
            )
        return kind

    async def _evaluations(self, project: str, request: JudgementRequest) -> tuple[Sides, list[Row]]:
        candidate = await self._evaluation(project, request.candidate, "candidate")
        if request.baseline is None:
            if not candidate.scope.compare_base:
                remedy = "Name a baseline, or evaluate the model with compare_base."
                raise NotComparable("The evaluation has no answers of the base model.", field="baseline", remedy=remedy)
            rows = [_evaluated(row, row["base"], request) for row in await self._report(candidate)]
            return _sides(candidate, candidate, candidate.scope.base or "base model"), rows
        baseline = await self._evaluation(project, request.baseline, "baseline")
        check_comparable([baseline, candidate])
        others = {row["row"]: row for row in await self._report(baseline)}
        own = await self._report(candidate)
        if {row["row"] for row in own} != others.keys():
            remedy = "Their `warnings` name the rows that a chat template cannot show; leave these out of the data."
            raise NotComparable("They scored different rows.", field="baseline", remedy=remedy)
        rows = [_evaluated(row, others[row["row"]]["tuned"], request) for row in own]
        return _sides(candidate, baseline, baseline.scope.model_id), rows

    async def _evaluation(self, project: str, id: str, field: str) -> Evaluation:
        return await named(field, self.comparisons.finished(project, id, field))

    async def _report(self, evaluation: Evaluation) -> list[Row]:
        return [json.loads(line) for line in (await self.comparisons.read(evaluation, REPORT)).splitlines()]

    async def _runs(self, project: str, request: JudgementRequest) -> tuple[Sides, list[Row]]:
        if request.baseline is None:
            remedy = "Name another run of the same rows; only evaluations have answers of a base model."
            raise InvalidInput("An eval run has no baseline of its own.", field="baseline", remedy=remedy)
        runs, items = [], []
        for field in ("candidate", "baseline"):
            run = await self._run(project, getattr(request, field), field)
            found = await self.evals.stores.for_project(project).items.find({"run_id": run.id})
            runs.append(run)
            items.append({item.number: item for item in found})
        own, others = items
        if own.keys() != others.keys() or any(own[number].item != others[number].item for number in own):
            detail = f"{request.candidate} and {request.baseline} have other rows."
            raise NotComparable(detail, field="baseline", remedy="Run both models over the same data source.")
        sides = Sides(
            candidate=runs[0].id,
            baseline=runs[1].id,
            candidate_model=runs[0].model or runs[0].name,
            baseline_model=runs[1].model or runs[1].name,
        )
        return sides, [_ran(own[number], others[number], request) for number in sorted(own)]

    async def _run(self, project: str, id: str, field: str) -> EvalRun:
        run = await named(field, self.evals.stores.for_project(project).runs.get(id))
        if run.state != "succeeded" or run.judged:
            detail = f"The eval run {id} is {run.status}." if not run.judged else f"{id} is a judgement itself."
            raise NotFinished(detail, field=field, limit="completed", remedy="Name an eval run that is completed.")
        return run


def _sides(candidate: Evaluation, baseline: Evaluation, baseline_model: str) -> Sides:
    return Sides(
        candidate=candidate.id,
        baseline=baseline.id,
        candidate_model=candidate.scope.model_id,
        baseline_model=baseline_model,
    )


def _evaluated(row: Row, baseline: str | None, request: JudgementRequest) -> Row:
    shown = {"row": row["row"], "question": conversation_text(row["prompt"]), "reference": row["reference"]}
    return {**shown, "baseline": baseline, "candidate": row["tuned"], **_vote(row.get("columns", {}), request)}


def _ran(own: OutputItem, other: OutputItem, request: JudgementRequest) -> Row:
    sample, item = own.sample or {}, own.item
    question = conversation_text(sample["input"]) if sample.get("input") else json.dumps(item, ensure_ascii=False)
    reference = item.get("ideal")
    shown = {"row": own.number, "question": question, "reference": reference if isinstance(reference, str) else ""}
    return {**shown, "baseline": _answer(other), "candidate": _answer(own), **_vote(item, request)}


def _answer(item: OutputItem) -> str | None:
    return None if item.sample is None or item.sample["error"] else item.output_text


def _lacks_answer(row: Row) -> bool:
    return row["baseline"] is None or row["candidate"] is None


def _vote(columns: Mapping[str, Any], request: JudgementRequest) -> Row:
    if request.votes is None or (vote := columns.get(request.votes.column)) is None:
        return {}
    return {"vote": vote if isinstance(vote, str) else json.dumps(vote, ensure_ascii=False)}


def _require_votes(rows: Sequence[Row], column: str) -> None:
    if not any("vote" in row for row in rows):
        detail = f"No row has a value in the column {column!r}."
        remedy = "Name a column that the dataset keeps; evaluations of earlier versions have none: evaluate again."
        raise UnknownColumn(detail, field="votes.column", remedy=remedy)


def conversation_text(messages: Sequence[Mapping[str, Any]]) -> str:
    """A conversation as text: the content of a single message of the user, else `role: content` of each."""
    texts = [(message["role"], _text(message)) for message in messages]
    if len(texts) == 1 and texts[0][0] == "user":
        return texts[0][1]
    return "\n\n".join(f"{role}: {text}" for role, text in texts)


def _text(message: Mapping[str, Any]) -> str:
    """Content as text; parts that are no text, and calls of tools, as JSON."""
    content = message.get("content") or ""
    parts = content if isinstance(content, list) else [{"type": "text", "text": content}]
    texts = [part["text"] if part.get("type") in TEXT_PARTS else json.dumps(part, ensure_ascii=False) for part in parts]
    calls = message.get("tool_calls")
    return join_texts([*texts, *([json.dumps(calls, ensure_ascii=False)] if calls else [])])
