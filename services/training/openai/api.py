"""HTTP: OpenAI's fine-tuning API: the same jobs and custom models with the same ids, in OpenAI's schemas."""

from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Depends, Header, Query, Request

from services.training.checkpoint_models.service import CheckpointModels
from services.training.custom_models.service import CustomModels
from services.training.errors import Unsupported
from services.training.jobs.service import TrainingJobs
from services.training.openai.schemas import (
    DeletedModel,
    FineTuningCheckpoint,
    FineTuningEvent,
    FineTuningJob,
    FineTuningRequest,
    Listing,
    event_id,
    with_openai_field,
)
from services.training.references import References
from shared.documents.entities import AFTER_REMEDY
from shared.runtime.errors import AnnealError, InvalidInput
from shared.runtime.http.principal import Caller
from shared.runtime.jobs.streams import READ_LIMIT, Record

EVENT_KINDS = ["log", "metric", "evaluation", "state", "checkpoint"]
Key = Annotated[str | None, Header(alias="Idempotency-Key", max_length=200)]
Limit = Annotated[int, Query(ge=1, le=100, description="entries of a page")]
After = Annotated[str | None, Query(description="id of the last entry of the page before")]


def _metadata(
    request: Request,
    _: Annotated[
        str | None, Query(alias="metadata[key]", description="the value that `metadata` has at this key")
    ] = None,
) -> dict[str, str]:
    """The values of every `metadata[key]=value` in the query."""
    given = request.query_params.items()
    return {name[len("metadata[") : -1]: value for name, value in given if name.startswith("metadata[")}


Metadata = Annotated[dict[str, str], Depends(_metadata)]


def routes(jobs: TrainingJobs, checkpoint_models: CheckpointModels) -> APIRouter:
    """The routes below /v1/fine_tuning/jobs."""
    router = APIRouter(prefix="/v1/fine_tuning/jobs", tags=["Training"])
    _jobs(router, jobs)
    _commands(router, jobs)
    _events(router, jobs)
    _checkpoints(router, jobs, checkpoint_models)
    return router


def model_routes(models: CustomModels, references: References) -> APIRouter:
    """The route that deletes below /v1/models; the inference service lists the models."""
    router = APIRouter(prefix="/v1/models", tags=["Model"])

    @router.delete("/{model_id:path}")
    async def delete_model(model_id: str, caller: Caller) -> DeletedModel:
        """Delete a custom model, by its id or unique name, and free its disk space."""
        if await references.is_base_model(caller.project, model_id):
            remedy = f"DELETE /models/base/{model_id} deletes one that was added; the bundled one stays."
            raise Unsupported(f"{model_id!r} is a base model, not a custom model.", field="model", remedy=remedy)
        try:
            id = await models.id_of(caller.project, model_id)
            await models.delete(caller.project, id)
        except AnnealError as error:
            error.field = "model"
            raise
        return DeletedModel(id=id)

    return router


def _jobs(router: APIRouter, jobs: TrainingJobs) -> None:
    """Submit and inspect jobs."""

    @router.post("")
    async def create_fine_tuning_job(body: FineTuningRequest, caller: Caller, key: Key = None) -> FineTuningJob:
        """Queue a LoRA training job; its model is deployed when it has succeeded."""
        request = body.to_training_request()
        try:
            return FineTuningJob.of(await jobs.submit(caller.project, request, key, body.original()), {})
        except AnnealError as error:
            raise with_openai_field(error) from error

    @router.get("")
    async def list_fine_tuning_jobs(
        caller: Caller, metadata: Metadata, limit: Limit = 20, after: After = None
    ) -> Listing[FineTuningJob]:
        """Every training job of the project, newest first; `metadata[key]=value` selects those with this metadata."""
        page = await jobs.following(caller.project, after, limit, metadata)
        shown = [FineTuningJob.of(job, {}) for job in page.items]
        return Listing(data=shown, has_more=page.next_cursor is not None)

    @router.get("/{job_id}")
    async def get_fine_tuning_job(job_id: str, caller: Caller) -> FineTuningJob:
        """One job."""
        return FineTuningJob.of(*await jobs.job(caller.project, job_id))


def _commands(router: APIRouter, jobs: TrainingJobs) -> None:
    """Cancel, pause and resume."""

    @router.post("/{job_id}/cancel")
    async def cancel_fine_tuning_job(job_id: str, caller: Caller) -> FineTuningJob:
        """Cancel the job."""
        return FineTuningJob.of(await jobs.cancel(caller.project, job_id), {})

    @router.post("/{job_id}/pause")
    async def pause_fine_tuning_job(job_id: str, caller: Caller) -> FineTuningJob:
        """Write a checkpoint and stop; the job can be resumed."""
        return FineTuningJob.of(await jobs.pause(caller.project, job_id), {})

    @router.post("/{job_id}/resume")
    async def resume_fine_tuning_job(job_id: str, caller: Caller) -> FineTuningJob:
        """Continue from the last checkpoint."""
        return FineTuningJob.of(await jobs.resume(caller.project, job_id), {})


def _events(router: APIRouter, jobs: TrainingJobs) -> None:
    """A job's events."""

    @router.get("/{job_id}/events")
    async def list_fine_tuning_events(
        job_id: str, caller: Caller, limit: Limit = 20, after: After = None
    ) -> Listing[FineTuningEvent]:
        """The job's events, newest first."""
        records = await _read_all(jobs, caller.project, job_id, EVENT_KINDS)
        if after is not None:
            records = records[: _position([event_id(job_id, record["seq"]) for record in records], after)]
        shown = [FineTuningEvent.of(job_id, record) for record in reversed(records[-limit:])]
        return Listing(data=shown, has_more=len(records) > limit)


def _checkpoints(router: APIRouter, jobs: TrainingJobs, checkpoint_models: CheckpointModels) -> None:
    """A job's checkpoints."""

    @router.get("/{job_id}/checkpoints")
    async def list_fine_tuning_checkpoints(
        job_id: str, caller: Caller, limit: Limit = 10, after: After = None
    ) -> Listing[FineTuningCheckpoint]:
        """The checkpoints that the job has, or that are models, newest first.

        Those of a job of this API are models once it has succeeded; POST /training/jobs/{id}/checkpoints/{step}/model
        publishes one of any other job.
        """
        job, _ = await jobs.job(caller.project, job_id)
        states = await checkpoint_models.states(caller.project, job_id)
        published = {step for step, state in states.items() if state == "succeeded"}
        present = published | {checkpoint.step for checkpoint in job.checkpoints}
        records = await _read_all(jobs, caller.project, job_id, ["checkpoint"])
        stored = {record["step"]: record for record in records if record["step"] in present}
        shown = [
            FineTuningCheckpoint.of(job, stored[step], published=step in published)
            for step in sorted(stored, reverse=True)
        ]
        rest = shown if after is None else shown[_position([one.id for one in shown], after) + 1 :]
        data = rest[:limit]
        ends = (data[0].id, data[-1].id) if data else (None, None)
        return Listing(data=data, has_more=len(rest) > limit, first_id=ends[0], last_id=ends[1])


async def _read_all(jobs: TrainingJobs, project: str, id: str, kinds: list[str]) -> list[Record]:
    """Every record of these kinds, in order."""
    records: list[Record] = []
    after = 0
    while found := (await jobs.records(project, id, kinds, after, READ_LIMIT)).records:
        records += found
        after = found[-1]["seq"]
    return records


def _position(ids: Sequence[str], after: str) -> int:
    """The position of `after`. Raises InvalidInput where the list does not have it."""
    if after not in ids:
        raise InvalidInput(f"This job has no {after!r} in this list.", field="after", remedy=AFTER_REMEDY)
    return ids.index(after)
