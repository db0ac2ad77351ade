"""HTTP: training jobs."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from fastapi.responses import StreamingResponse

from services.training.jobs.requests import JobChange, TrainingRequest
from services.training.jobs.service import TrainingJobs
from services.training.jobs.tensorboard import KINDS, event_file
from services.training.jobs.views import JobDetail, JobView, Records, TrainingUsage
from services.training.parameters import Cursor, Key, Limit
from shared.documents.entities import Page
from shared.runtime.http.principal import Caller
from shared.runtime.jobs.work import State

After = Annotated[int, Query(ge=0, description="only records with a higher seq")]
RecordLimit = Annotated[int, Query(ge=1, le=10_000, description="maximum records of a response")]
Level = Literal["debug", "info", "warning", "error"]
EVENT_FILE_CHUNK = 500
"""Records that become one piece of an event file; encoding more at a time would block the event loop."""
LEVELS: tuple[Level, ...] = ("debug", "info", "warning", "error")


def routes(jobs: TrainingJobs) -> APIRouter:
    """The routes below /training/jobs."""
    router = APIRouter(prefix="/training/jobs", tags=["Training"])
    _jobs(router, jobs)
    _records(router, jobs)
    _commands(router, jobs)
    return router


def _jobs(router: APIRouter, jobs: TrainingJobs) -> None:
    """Submit and inspect jobs."""

    @router.post("", status_code=201)
    async def create_training_job(request: TrainingRequest, caller: Caller, key: Key = None) -> JobView:
        """Queue a training job; the response shows every setting as resolved, and which ones are defaults."""
        return await jobs.view(await jobs.submit(caller.project, request, key))

    @router.get("")
    async def list_training_jobs(
        caller: Caller,
        state: State | None = None,
        archived: Annotated[bool | None, Query(description="only archived jobs, or only others; null: both")] = None,
        limit: Limit = 50,
        cursor: Cursor = None,
    ) -> Page[JobView]:
        """Jobs, newest first."""
        return await jobs.page(caller.project, state, limit, cursor, archived)

    @router.get("/usage")
    async def get_training_usage(caller: Caller) -> TrainingUsage:
        """Queued jobs, and the CPU and GPU hours of this month's jobs."""
        return await jobs.usage(caller.project)

    @router.get("/{id}")
    async def get_training_job(id: str, caller: Caller) -> JobDetail:
        """State, progress, remaining time, last log lines, latest metrics, and why it waits."""
        return await jobs.detail(caller.project, id)


def _records(router: APIRouter, jobs: TrainingJobs) -> None:
    """A job's records, by kind."""

    @router.get("/{id}/logs")
    async def get_training_logs(
        id: str, caller: Caller, after: After = 0, limit: RecordLimit = 1000, level: Level = "debug"
    ) -> Records:
        """Log lines of `level` and above."""
        found = await jobs.records(caller.project, id, ["log"], after, limit)
        shown = LEVELS[LEVELS.index(level) :]
        return found.model_copy(update={"records": [r for r in found.records if r.get("level", "info") in shown]})

    @router.get("/{id}/metrics")
    async def get_training_metrics(id: str, caller: Caller, after: After = 0, limit: RecordLimit = 10_000) -> Records:
        """Values for charts: `metric` by step, `evaluation`, and `rewind` (drop what came after its step)."""
        return await jobs.records(caller.project, id, ["metric", "evaluation", "rewind"], after, limit)

    @router.get("/{id}/records")
    async def get_training_records(id: str, caller: Caller, after: After = 0, limit: RecordLimit = 1000) -> Records:
        """All records of the job in order; a live view fills its gaps from here."""
        return await jobs.records(caller.project, id, None, after, limit)

    @router.get("/{id}/tensorboard", response_class=StreamingResponse)
    async def download_training_curves(id: str, caller: Caller) -> StreamingResponse:
        """All curves so far as a TensorBoard event file, for a folder that `tensorboard --logdir` reads."""
        first = await jobs.records(caller.project, id, [*KINDS], 0, EVENT_FILE_CHUNK)

        async def read(after: int) -> list[dict[str, Any]]:
            page = first if after == 0 else await jobs.records(caller.project, id, [*KINDS], after, EVENT_FILE_CHUNK)
            return page.records

        name = f'attachment; filename="events.out.tfevents.{id}"'
        return StreamingResponse(event_file(read), 200, {"Content-Disposition": name}, "application/octet-stream")


def _commands(router: APIRouter, jobs: TrainingJobs) -> None:
    """Cancel, pause, resume, tag and archive."""

    @router.patch("/{id}")
    async def update_training_job(id: str, change: JobChange, caller: Caller) -> JobView:
        """Add tags to a job, remove some, archive or unarchive it."""
        return await jobs.view(await jobs.change(caller.project, id, change))

    @router.post("/{id}/cancel", status_code=202)
    async def cancel_training_job(id: str, caller: Caller) -> JobView:
        """Cancel the job."""
        return await jobs.view(await jobs.cancel(caller.project, id))

    @router.post("/{id}/pause", status_code=202)
    async def pause_training_job(id: str, caller: Caller) -> JobView:
        """Write a checkpoint and stop; the job can be resumed."""
        return await jobs.view(await jobs.pause(caller.project, id))

    @router.post("/{id}/resume", status_code=202)
    async def resume_training_job(id: str, caller: Caller) -> JobView:
        """Continue from the last checkpoint."""
        return await jobs.view(await jobs.resume(caller.project, id))
