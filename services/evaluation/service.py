"""Use cases of evaluations: request, show, list, read predictions, cancel, delete."""

import asyncio
import hashlib
import json
from collections.abc import Container
from dataclasses import dataclass
from typing import Any

from services.evaluation.errors import MetricNotOffered, NotFinished, NothingToEvaluate, UnknownColumn
from services.evaluation.models import (
    GENERAL,
    MAX_ROWS,
    METRICS,
    Evaluation,
    EvaluationRequest,
    Metric,
    PredictionPage,
    Scope,
    Settings,
)
from services.evaluation.predictions import Selection, select
from services.evaluation.runner import REPORT
from services.evaluation.store import Artifacts, Evaluations
from shared.blobs.artifacts import delete_artifact, key_of
from shared.blobs.manifests import DatasetManifest, ModelManifest
from shared.blobs.protocol import Blobs
from shared.documents.entities import Page, derived_id, new_id
from shared.events.evaluation import EvaluationRequested
from shared.events.training import TrainingSucceeded
from shared.runtime.errors import InvalidInput
from shared.runtime.jobs.uses import Uses
from shared.runtime.jobs.worker import Worker
from shared.runtime.telemetry.tracing import continuing


@dataclass(frozen=True)
class EvaluationService:
    """What the API and the event handlers call."""

    evaluations: Evaluations
    blobs: Blobs
    worker: Worker[Evaluation]
    uses: Uses[Evaluation]

    async def request(
        self, project: str, model_id: str, request: EvaluationRequest, *, key: str | None = None
    ) -> Evaluation:
        """Queue an evaluation, or return the existing one of a repeated Idempotency-Key."""
        body = json.dumps([model_id, request.model_dump()], sort_keys=True).encode()
        digest = hashlib.sha256(body).hexdigest()
        id = new_id("evaluation") if key is None else derived_id("evaluation", project, key)
        if key is not None and (existing := await self.evaluations.find_repeated(id, digest)):
            return existing
        evaluation = await self._plan(project, model_id, request)
        evaluation.id, evaluation.request_hash = id, digest
        return await self._queue(evaluation)

    async def request_for_job(self, project: str, event: TrainingSucceeded, event_id: str) -> Evaluation:
        """Queue the evaluation that a training job requested, once per event. Raises NotFound if it was deleted."""
        id = derived_id("evaluation", event_id)
        if existing := await self.evaluations.find_repeated(id, None):
            return existing
        evaluation = await self._plan(project, event.model_id, EvaluationRequest())
        evaluation.id, evaluation.job_id = id, event.job_id
        return await self._queue(evaluation)

    async def _queue(self, evaluation: Evaluation) -> Evaluation:
        await self.uses.add(evaluation)
        queued = await self.evaluations.create(evaluation, [EvaluationRequested(evaluation_id=evaluation.id)])
        self.worker.wake()
        return queued

    async def _plan(self, project: str, model_id: str, request: EvaluationRequest) -> Evaluation:
        artifacts = Artifacts(self.blobs, project)
        model_uri, model = await artifacts.model(model_id)
        dataset_uri, dataset = await artifacts.dataset(request.dataset or _training_dataset(model))
        trained = model.trained_splits if model.dataset_id == dataset.dataset_id else frozenset()
        split = _choose_split(request.split, dataset, trained)
        _check_column(request.slice_by, dataset)
        scope = Scope(
            model_id=model_id,
            base=model.base_name or model.base,
            dataset_id=dataset.dataset_id,
            dataset_version=dataset.version,
            split=split,
            rows=_count_rows(request.rows, dataset.rows[split]),
            metrics=_choose_metrics(request.metrics, dataset),
            detect_metrics=request.metrics is None,
            compare_base=request.compare_base and model.base_uri is not None,
            slice_by=request.slice_by,
            settings=Settings(
                max_new_tokens=request.max_new_tokens,
                batch_tokens=request.batch_tokens,
                max_length=model.max_length or model.context_length or None,
            ),
        )
        return Evaluation(
            id="",
            project=project,
            scope=scope,
            model_uri=model_uri,
            base_uri=model.base_uri,
            dataset_uri=dataset_uri,
            traceparent=continuing(model.traceparent, "request evaluation"),
        )

    async def get(self, project: str, id: str) -> Evaluation:
        """Return an evaluation."""
        return await self.evaluations.for_project(project).get(id)

    async def page(self, project: str, model_id: str | None, limit: int, cursor: str | None) -> Page[Evaluation]:
        """Return a page of evaluations of one model or all, newest first."""
        where = {"scope.model_id": model_id} if model_id else None
        return await self.evaluations.for_project(project).page(where, limit=limit, cursor=cursor)

    async def cancel(self, project: str, id: str) -> Evaluation:
        """Cancel an evaluation: a queued one ends at once, a running one within seconds."""
        cancelled = await self.evaluations.for_project(project).change(id, lambda e: e.request_cancel())
        await self.uses.remove_if_final(cancelled)
        self.worker.nudge(id)
        return cancelled

    async def delete(self, project: str, id: str) -> None:
        """Delete an ended evaluation and its report. Raises StillRunning."""
        await self.evaluations.for_project(project).change(id, lambda e: e.delete())
        await delete_artifact(self.blobs, f"{project}/evaluations/{id}")

    async def predictions(self, project: str, id: str, selection: Selection) -> PredictionPage:
        """Return rows of a succeeded evaluation."""
        evaluation = await self.get(project, id)
        if evaluation.report_uri is None:
            remedy = f"GET /evaluations/{id} until its state is succeeded."
            raise NotFinished(f"The evaluation is {evaluation.state}.", field="id", limit="succeeded", remedy=remedy)
        key = f"{key_of(evaluation.report_uri, project)}/{REPORT}"
        report = b"".join([chunk async for chunk in self.blobs.read(key)])
        return await asyncio.to_thread(select, report, selection)


def _training_dataset(model: ModelManifest) -> str:
    if not model.dataset_id:
        remedy = "Set `dataset` to <id> or <id>@<version>."
        raise NothingToEvaluate(
            "The dataset that the model was trained on is not known.", field="dataset", remedy=remedy
        )
    return f"{model.dataset_id}@{model.dataset_version}" if model.dataset_version else model.dataset_id


def _check_column(name: str | None, dataset: DatasetManifest) -> None:
    if name is None or name in dataset.columns:
        return
    kept = ", ".join(dataset.columns) or "none"
    detail = f"The rows of the dataset keep no column {name!r}; they keep {kept}."
    remedy = "Columns that are not trained on are kept if their values are short; upload older datasets again."
    raise UnknownColumn(detail, field="slice_by", limit=dataset.columns, remedy=remedy)


def _choose_split(requested: str | None, dataset: DatasetManifest, trained: Container[str]) -> str:
    """The requested split; else the first that has rows, `trained` ones last."""
    nonempty = [name for name, rows in dataset.rows.items() if rows]
    candidates = [requested] if requested else ["test", "validation", "train", *nonempty]
    candidates.sort(key=lambda name: name in trained)
    found = next((name for name in candidates if name in nonempty), None)
    if found is None:
        detail = (
            f"Dataset {dataset.dataset_id} has no rows in split {requested!r}."
            if requested
            else "The dataset is empty."
        )
        raise NothingToEvaluate(detail, field="split", limit=nonempty, remedy=f"Choose one of {', '.join(nonempty)}.")
    return found


def _count_rows(requested: Any, available: int) -> int:
    rows = available if requested in ("all", 0) else min(int(requested), available)
    if not 0 < rows <= MAX_ROWS:
        remedy = f"Request 1 to {MAX_ROWS} rows; 0 or `all` if the split has no more."
        raise InvalidInput(f"{requested} rows cannot be evaluated.", field="rows", limit=MAX_ROWS, remedy=remedy)
    return rows


def _choose_metrics(requested: list[Metric] | None, dataset: DatasetManifest) -> list[Metric]:
    """Return the metrics in their usual order. Plain text has no reference answers, so only perplexity applies."""
    offered: tuple[Metric, ...] = ("perplexity",) if dataset.form == "text" else METRICS
    refused = [name for name in requested or () if name not in offered]
    if refused:
        detail = (
            f"{', '.join(refused)} compare answers with references, and this dataset is plain text without references."
        )
        remedy = "Request only perplexity, or evaluate on a dataset of prompts with answers."
        raise MetricNotOffered(detail, field="metrics", limit=list(offered), remedy=remedy)
    wanted = GENERAL if requested is None else requested
    return [name for name in offered if name in wanted]
