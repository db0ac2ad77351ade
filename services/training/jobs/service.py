"""The use cases of training jobs."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from services.training.jobs.cleanup import dataset_uses
from services.training.jobs.defaults import ResolvedSettings
from services.training.jobs.preparation import JobPreparation, PreparedJob
from services.training.jobs.requests import MAX_TAGS, JobChange, TrainingRequest
from services.training.jobs.views import NOT_WAITING, JobDetail, JobView, Records, TrainingUsage, Waiting
from services.training.jobs.vllm_serving import predict_serving
from services.training.models import Job
from services.training.parameters import body_hash
from services.training.references import ResolvedBaseModel
from services.training.store import Stores
from services.training.workers.registry import WorkerRegistry, explain_waiting
from shared.blobs.manifests import DatasetManifest
from shared.blobs.protocol import Blobs
from shared.documents.entities import Mutation, Page, derived_id, new_id, now
from shared.events.training import TrainingRequested
from shared.model_names import plain_name
from shared.runtime.errors import Conflict, InvalidInput, NotFound
from shared.runtime.jobs.leases import HEARTBEAT
from shared.runtime.jobs.work import State
from shared.runtime.jobs.worker import Worker
from shared.runtime.telemetry.tracing import continuing

SEARCHED_JOBS = 200
"""Jobs read at a time while one with given metadata is looked for."""


class Admission(Protocol):
    """Decides at submit whether a prepared job can run, and may adjust settings that the caller left open."""

    async def admit(self, prepared: PreparedJob) -> PreparedJob:
        """Return the job to queue. Raises DoesNotFit or UnsuitableDataset."""


class TrainingJobs:
    """Submit, inspect and control jobs."""

    def __init__(
        self,
        stores: Stores,
        blobs: Blobs,
        preparation: JobPreparation,
        admission: Admission | None,
        registry: WorkerRegistry,
        worker: Worker[Job],
    ) -> None:
        """Without `admission` every prepared job is queued."""
        self._stores, self._blobs, self._preparation, self._admission = stores, blobs, preparation, admission
        self._registry, self._worker = registry, worker
        self._uses = dataset_uses(blobs, stores)

    async def submit(
        self,
        project: str,
        request: TrainingRequest,
        key: str | None,
        fine_tuning: dict[str, Any] | None = None,
        reproduces: str | None = None,
    ) -> Job:
        """Resolve every setting, verify every reference, and queue the job. The same `key` again returns the same job.

        `fine_tuning` is stored with the job: the request as it came through OpenAI's API. `reproduces` is the custom
        model whose training the request repeats.
        """
        jobs = self._stores.jobs.for_project(project)
        if key and (done := await jobs.find_repeated(*_identity(project, request, key))):
            return done
        prepared = await self._preparation.prepare(project, request)
        prepared.require_supported_rows()
        if self._admission:
            prepared = await self._admission.admit(prepared)
        base, dataset, validation = prepared.base, prepared.dataset, prepared.validation
        job = _job(project, request, base, dataset, prepared.resolved, key)
        job.fine_tuning, job.warnings, job.has_files = fine_tuning or {}, list(prepared.warnings), True
        job.reproduces = reproduces
        if validation:
            job.validation_id, job.validation_version = validation.dataset_id, validation.version
        await self._claim_inputs(job)
        created = await self._stores.jobs.create(job, [requested(job)])
        self._worker.wake()
        return created

    async def _claim_inputs(self, job: Job) -> None:
        """Keep what the job needs from being deleted until it ends. Raises NotFound where something just was."""
        await self._uses.add(job)
        try:
            for used in job.dataset_ids:
                await self._preparation.require_dataset(job.project, used)
            if job.reproduces:
                await self._stores.custom_models.for_project(job.project).get(job.reproduces)
        except NotFound:
            await self._uses.remove(job)
            raise

    async def page(
        self, project: str, state: State | None, limit: int, cursor: str | None, archived: bool | None = None
    ) -> Page[JobView]:
        """Newest first; `archived` None means both kinds."""
        where: dict[str, Any] = {"state": state} if state else {}
        if archived is not None:
            where["archived"] = True if archived else {"$ne": True}  # jobs of earlier versions have no such field
        page = await self._stores.jobs.for_project(project).page(where, limit=limit, cursor=cursor)
        waiting = await self._waiting([job for job in page.items if job.state == "queued"])
        values = await self._stores.snapshots.of([job.id for job in page.items])
        views = [JobView.of(job, values.get(job.id, {}), waiting.get(job.id, NOT_WAITING)) for job in page.items]
        return Page(items=views, next_cursor=page.next_cursor)

    async def following(
        self, project: str, after: str | None, limit: int, metadata: Mapping[str, str] | None = None
    ) -> Page[Job]:
        """Newest first, after the job `after`; with `metadata`, only the jobs whose request had these values."""
        jobs = self._stores.jobs.for_project(project)
        if not metadata:
            return await jobs.page_after(after, limit)
        found: list[Job] = []
        page = await jobs.page_after(after, SEARCHED_JOBS)
        while True:
            found += [job for job in page.items if metadata.items() <= (job.fine_tuning.get("metadata") or {}).items()]
            if len(found) > limit or page.next_cursor is None:
                return Page(items=found[:limit], next_cursor=found[limit - 1].id if len(found) > limit else None)
            page = await jobs.page_after(page.items[-1].id, SEARCHED_JOBS)

    async def view(self, job: Job) -> JobView:
        """A job as a list shows it."""
        return JobView.of(job, await self._stores.snapshots.get(job.id))

    async def job(self, project: str, id: str) -> tuple[Job, dict[str, Any]]:
        """One job and its latest values."""
        return await self._stores.jobs.for_project(project).get(id), await self._stores.snapshots.get(id)

    async def detail(self, project: str, id: str) -> JobDetail:
        """One job with its progress, or why it waits."""
        job = await self._stores.jobs.for_project(project).get(id)
        values = await self._stores.snapshots.get(id)
        waiting = await self._waiting([job] if job.state == "queued" else [])
        published = await self._stores.checkpoint_models.for_project(project).find({"job_id": id})
        states = {publication.step: publication.state for publication in published}
        return JobDetail.with_progress(job, values, waiting.get(job.id, NOT_WAITING), states)

    async def records(self, project: str, id: str, kinds: list[str] | None, after: int, limit: int) -> Records:
        """The job's stream from `after` on; `kinds` None means everything."""
        await self._stores.jobs.for_project(project).get(id)
        found = await self._stores.streams.read(id, after=after, limit=limit, kinds=kinds)
        return Records(records=found, next_after=found[-1]["seq"] if found else after)

    async def usage(self, project: str) -> TrainingUsage:
        """What the project's jobs use, as the gateway's quotas count it."""
        jobs = self._stores.jobs.for_project(project)
        since = now().replace(day=1, hour=0, minute=0, second=0, microsecond=0)
        held = [
            (job.beat * HEARTBEAT / 3600, job.resources)
            for job in await jobs.find({"created_at": {"$gte": since.isoformat()}})
        ]
        return TrainingUsage(
            since=since,
            queued_jobs=await jobs.count({"state": "queued"}),
            cpu_hours=sum(hours * resources.cpu for hours, resources in held),
            gpu_hours=sum(hours * resources.gpu for hours, resources in held),
        )

    async def change(self, project: str, id: str, change: JobChange) -> Job:
        """Change tags, archive or unarchive. Raises Conflict before its end, InvalidInput beyond 20 tags."""

        def apply(job: Job) -> None:
            if change.archived and not job.final:
                remedy = "Cancel it first, or wait for its end."
                raise Conflict(f"The training job is {job.state}.", field="archived", limit="ended", remedy=remedy)
            if change.archived is not None:
                job.archived = change.archived
            job.tags = sorted({*job.tags, *change.add_tags} - {*change.remove_tags})
            if len(job.tags) > MAX_TAGS:
                detail, remedy = f"The job would have {len(job.tags)} tags.", "Remove some in the same request."
                raise InvalidInput(detail, field="add_tags", limit=MAX_TAGS, remedy=remedy)

        return await self._stores.jobs.for_project(project).change(id, apply)

    async def cancel(self, project: str, id: str) -> Job:
        """Cancel the job: at once while it waits, else when its engine has stopped."""
        return await self._change(project, id, Job.request_cancel)

    async def pause(self, project: str, id: str) -> Job:
        """Write a checkpoint and stop; the job can be resumed."""
        return await self._change(project, id, Job.request_pause)

    async def resume(self, project: str, id: str) -> Job:
        """Continue from the last checkpoint."""
        return await self._change(project, id, Job.request_resume)

    async def _change(self, project: str, id: str, mutation: Mutation[Job]) -> Job:
        job = await self._stores.jobs.for_project(project).change(id, mutation)
        await self._uses.remove_if_final(job)
        self._worker.nudge(id)
        return job

    async def _waiting(self, jobs: Sequence[Job]) -> dict[str, Waiting]:
        """Position in the queue of all projects, and reason, by job id."""
        if not jobs:
            return {}
        queue, running = await self._stores.queued(), await self._stores.running()
        workers = await self._registry.live_workers()
        positions = {job.id: position for position, job in enumerate(queue, 1)}
        return {
            job.id: Waiting(positions.get(job.id, 1), explain_waiting(job, positions.get(job.id, 1), running, workers))
            for job in jobs
        }


def requested(job: Job) -> TrainingRequested:
    """The event that the job is queued, and what it trains on."""
    data = ("dataset_id", "dataset_version", "validation_id", "validation_version")
    inputs = ("name", "base", "base_id", *data, "reproduces")
    return TrainingRequested(job_id=job.id, **{name: getattr(job, name) for name in inputs})


def _identity(project: str, request: TrainingRequest, key: str) -> tuple[str, str]:
    """The id and the request_hash of a request with an Idempotency-Key."""
    return derived_id("job", project, key), body_hash(request.model_dump(mode="json", exclude_unset=True))


def _job(
    project: str,
    request: TrainingRequest,
    base: ResolvedBaseModel,
    dataset: DatasetManifest,
    resolved: ResolvedSettings,
    key: str | None,
) -> Job:
    id, request_hash = _identity(project, request, key) if key else (new_id("job"), None)
    return Job(
        id=id,
        project=project,
        request_hash=request_hash,
        name=request.name or plain_name(f"{dataset.name or dataset.dataset_id} on {base.name}"),
        base=base.reference,
        base_name=base.name,
        base_uri=base.uri,
        method=resolved.method,
        dataset_id=dataset.dataset_id,
        dataset_version=dataset.version,
        dataset_name=dataset.name,
        hyperparameters=resolved.hyperparameters,
        defaulted=resolved.defaulted,
        resources=resolved.resources,
        preset=request.preset,
        priority=resolved.priority,
        after=request.after,
        architecture=base.manifest.architecture,
        parameters=base.manifest.parameters,
        context_length=base.manifest.context_length,
        total_steps=resolved.total_steps,
        serving=predict_serving(resolved.method, resolved.hyperparameters["lora"], base.manifest.kind),
        traceparent=continuing(dataset.traceparent, "submit job"),
    )
