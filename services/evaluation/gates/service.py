"""Evaluates candidates: queues their runs, and reports the outcome once they have ended."""

import asyncio
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from services.evaluation.evals.graders import GraderRuns
from services.evaluation.evals.models import Eval, EvalRun
from services.evaluation.evals.service import EvalService
from services.evaluation.gates.models import Gate
from services.evaluation.gates.outcome import outcome_of
from services.evaluation.openai.requests import RunRequest, by_field, criteria_of
from shared.documents.entities import EntityStore, derived_id
from shared.events.aliases import AliasCandidateEvaluated, AliasCandidateSubmitted
from shared.runtime.errors import AnnealError, Conflict, InvalidInput, NotFound, in_sentences
from shared.suites import Suite


@dataclass(frozen=True)
class Gates:
    """What the event handlers call. Everything may be repeated: ids are derived, and each step looks first."""

    gates: EntityStore[Gate]
    evals: EvalService
    graders: GraderRuns

    async def submit(self, project: str, event: AliasCandidateSubmitted) -> None:
        """Queue the runs of a candidate. A suite that cannot be used ends its evaluation with the reason."""
        gate = Gate(
            id=derived_id("gate", event.candidate_id, str(event.round)),
            project=project,
            candidate_id=event.candidate_id,
            round=event.round,
            suite=event.suite,
        )
        if not await self.gates.find({"_id": gate.id}, limit=1):
            try:
                await self._start_runs(gate, event)
            except (AnnealError, ValidationError) as error:
                if isinstance(error, AnnealError) and error.status >= 500:
                    raise
                await self._cancel(gate)
                gate.state = "ended"
                await self.gates.create(gate, [_unusable(gate, error)])
                return
            await self.gates.create(gate)
        await self._settle(gate.id)

    async def on_run_ended(self, run_id: str) -> None:
        """Report the outcome of the gate that the run belongs to, if it was the last one."""
        for field in ("run_id", "current_run_id"):
            for gate in await self.gates.find({field: run_id}):
                await self._settle(gate.id)

    async def cancel(self, candidate_id: str) -> None:
        """Cancel the runs of a candidate that nobody waits for any more."""
        for gate in await self.gates.find({"candidate_id": candidate_id, "state": "evaluating"}):
            event = _event(gate, "cancelled", detail="The candidate was cancelled.")
            await self.gates.change(gate.id, lambda g, event=event: g.end(event))  # type: ignore[misc]
            await self._cancel(gate)

    async def _start_runs(self, gate: Gate, event: AliasCandidateSubmitted) -> None:
        found = await self._usable(gate.project, event.suite)
        gate.run_id = (await self._start(gate.project, found, event, "candidate", event.model_id)).id
        if event.current_model_id:
            gate.current_run_id = (await self._start(gate.project, found, event, "current", event.current_model_id)).id

    async def _usable(self, project: str, suite: Suite) -> Eval:
        """The suite's eval. Raises NotFound, Unsupported, and InvalidInput for names that it does not have."""
        found = await self.evals.get(project, suite.eval_id)
        await self.graders.require_python(by_field(found.testing_criteria))
        graders = [criterion["name"] for criterion in found.testing_criteria]
        if unknown := next((name for name in suite.thresholds if name not in graders), None):
            detail = f"The eval has no testing criterion {unknown!r}."
            remedy = f"Use {', '.join(graders)}."
            raise InvalidInput(detail, field="thresholds", limit=graders, remedy=remedy)
        require_reachable(suite, criteria_of(found))
        properties = list(found.item_schema.get("properties") or {})
        if suite.slice_by and suite.slice_by not in properties:
            detail, remedy = f"The eval's item schema has no property {suite.slice_by!r}.", "Name one that it has."
            raise InvalidInput(detail, field="slice_by", limit=properties, remedy=remedy)
        return found

    async def _start(self, project: str, found: Eval, event: AliasCandidateSubmitted, role: str, model: str) -> EvalRun:
        request = RunRequest.model_validate({"data_source": {**event.suite.data_source, "model": model}})
        await asyncio.to_thread(request.check, found)
        return await self.evals.start(
            project,
            found,
            name=f"{event.alias}: {role}",
            metadata={"candidate_id": event.candidate_id, "role": role},
            data_source=request.data_source.model_dump(mode="json", exclude_unset=True),
            models=request.models(found),
            key=f"{event.candidate_id}/{event.round}/{role}",
        )

    async def _settle(self, id: str) -> None:
        """End the gate once all its runs have results, or one has ended without."""
        gate = await self.gates.get(id)
        if gate.state == "ended":
            return
        runs = {run.id: run for run in await self.evals.stores.runs.find({"_id": {"$in": gate.run_ids}})}
        unsuccessful = [id for id in gate.run_ids if id not in runs or runs[id].state in ("failed", "cancelled")]
        if unsuccessful:
            event = _unsuccessful(gate, unsuccessful[0], runs.get(unsuccessful[0]))
        elif all(run.final for run in runs.values()):
            try:
                event = await self._succeeded(gate, runs[gate.run_ids[0]].criterion_names)
            except InvalidInput as error:
                event = _unusable(gate, error)
        else:
            return
        await self.gates.change(id, lambda g: g.end(event))
        await self._cancel(gate)

    async def _succeeded(self, gate: Gate, graders: list[str]) -> AliasCandidateEvaluated:
        items = [await self.evals.stores.items.find({"run_id": id}) for id in gate.run_ids]
        outcome = await asyncio.to_thread(outcome_of, gate.suite, graders, items[0], items[1] if items[1:] else [])
        return _event(gate, "succeeded", outcome=outcome)

    async def _cancel(self, gate: Gate) -> None:
        """Cancel the runs of a gate that have not ended: nothing needs them."""
        for run in await self.evals.stores.runs.find({"_id": {"$in": gate.run_ids}}):
            with suppress(Conflict, NotFound):
                await self.evals.cancel(gate.project, run.eval_id, run.id)


def require_reachable(suite: Suite, criteria: list[Any]) -> None:
    """Raise InvalidInput for thresholds that no score reaches or misses, and a regression that no criterion exceeds."""
    for criterion in criteria:
        low, high = criterion.scale
        threshold = suite.thresholds.get(criterion.name)
        if threshold and threshold.min_mean is not None and not low <= threshold.min_mean <= high:
            field, remedy = f"thresholds.{criterion.name}.min_mean", f"Use a number from {low:g} to {high:g}."
            detail = f"{criterion.name} gives scores from {low:g} to {high:g}, and {threshold.min_mean:g} is demanded."
            raise InvalidInput(detail, field=field, limit={"ge": low, "le": high}, remedy=remedy)
    widest = max(high - low for low, high in (criterion.scale for criterion in criteria))
    if suite.max_regression is not None and suite.max_regression >= widest:
        detail = f"No criterion's scores differ by more than {widest:g}: the comparison would refuse nothing."
        remedy = f"Use a smaller number than {widest:g}, or leave it out."
        raise InvalidInput(detail, field="max_regression", limit={"lt": widest}, remedy=remedy)


def _event(gate: Gate, state: str, **more: object) -> AliasCandidateEvaluated:
    named = {"run_id": gate.run_id, "current_run_id": gate.current_run_id}
    fields = {"candidate_id": gate.candidate_id, "round": gate.round, "state": state, **named, **more}
    return AliasCandidateEvaluated.model_validate(fields)


def _unusable(gate: Gate, error: AnnealError | ValidationError) -> AliasCandidateEvaluated:
    """The event of a suite that cannot be used; it names the field."""
    if isinstance(error, ValidationError):
        first = error.errors()[0]
        field, detail = ".".join(str(part) for part in first["loc"]), first["msg"].removeprefix("Value error, ")
        return _event(gate, "failed", cause=InvalidInput.code, detail=f"suite.{field}: {detail}.")
    detail = in_sentences(error.detail, error.remedy)
    whose = "eval" if (error.field or "").startswith("testing_criteria") else "suite"
    field = f"{whose}.{error.field}: " if error.field else ""
    return _event(gate, "failed", cause=error.code, detail=field + detail)


def _unsuccessful(gate: Gate, run_id: str, run: EvalRun | None) -> AliasCandidateEvaluated:
    """The event of a run that has no results."""
    whose = "candidate" if run_id == gate.run_id else "current model"
    if run is None:
        return _event(gate, "failed", cause="run_deleted", detail=f"The run of the {whose} was deleted.")
    if run.state == "cancelled":
        return _event(gate, "cancelled", detail=f"The run of the {whose} was cancelled.")
    return _event(gate, "failed", cause=run.cause, detail=f"The run of the {whose} failed: {run.detail}")
