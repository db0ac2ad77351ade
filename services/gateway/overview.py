"""The dashboard's read model: which resources exist, their states, and recent activity. Fed by events only."""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from pydantic import BaseModel, Field

from services.gateway.models import KINDS, Activity, Kind, TrackedResource
from services.gateway.store import Stores
from shared.documents.entities import EntityStore, derived_id
from shared.events.envelope import Envelope
from shared.runtime.errors import NotFound

JOB_STATES = ("queued", "running", "pausing", "paused", "publishing", "succeeded", "failed", "cancelled")
RECENT = 20
MERGED = (".deleted.", "_deleted.", ".cancelled.", "_undeployed.")
"""Events of a cleanup, many of which are one line."""
CLEANUP_GAP = timedelta(minutes=10)
READ = (2 * RECENT, 1000)
"""Stored lines that are read for RECENT shown ones: more where a cleanup leaves too few."""


@dataclass(frozen=True)
class ResourceUpdate:
    """What one event states about one resource. Without a state, it has a new name."""

    kind: Kind
    subject: str
    state: str | None
    name: str | None = None
    detail: str | None = None
    links: dict[str, str] = field(default_factory=dict)


class ActivityView(BaseModel):
    """One line of recent activity."""

    time: datetime
    event: str = Field(description="the event's type, e.g. training.succeeded.v1")
    kind: Kind
    subject: str = Field(description="the id of the resource")
    name: str | None
    detail: str | None
    count: int = Field(default=1, description="resources of a cleanup: deleted or cancelled within ten minutes")
    deleted: bool = Field(default=False, description="whether the resource has been deleted")


class Overview(BaseModel):
    """A summary of one project."""

    datasets: int
    jobs: dict[str, int] = Field(description="by state")
    custom_models: int
    evaluations: int
    exports: int
    deployments: int
    recent: list[ActivityView] = Field(description="newest first; a cleanup is one line")
    first_steps: list[Kind] = Field(description="kinds of which the project has or had a resource")


class ReadModel:
    """Records resource updates and summarizes projects."""

    def __init__(self, stores: Stores) -> None:
        self._resources: EntityStore[TrackedResource] = stores.tracked_resources
        self._activities: EntityStore[Activity] = stores.activities

    async def record(self, envelope: Envelope, update: ResourceUpdate, *consequences: ResourceUpdate) -> None:
        """Apply updates. The event's id makes duplicates harmless, its sequence number makes late events harmless.

        The first update is also recorded as recent activity.
        """
        for each in (update, *consequences):
            await self._apply(envelope, each)
        activity = Activity(
            id=derived_id("activity", envelope.id),
            project=envelope.project,
            created_at=envelope.time,
            time=envelope.time,
            event=envelope.type,
            kind=update.kind,
            subject=update.subject,
            name=update.name or await self._name(update),
            detail=update.detail,
        )
        await self._activities.create(activity)

    async def _apply(self, envelope: Envelope, update: ResourceUpdate) -> None:
        id = _resource_id(update.kind, update.subject)
        unknown = TrackedResource(id=id, project=envelope.project, kind=update.kind, state="unknown", sequence=-1)
        await self._resources.create(unknown)

        def apply(resource: TrackedResource) -> None:
            if update.state is None:
                resource.rename(update.name, envelope.sequence)
            else:
                resource.apply(update.state, envelope.sequence, update.name, update.links)

        await self._resources.change(id, apply, event_id=envelope.id)

    async def _name(self, update: ResourceUpdate) -> str | None:
        """Return the resource's name, or else the name of its model, as far as events have stated them."""
        resource = await self._resources.get(_resource_id(update.kind, update.subject))
        if resource.name or "model_id" not in resource.links:
            return resource.name
        found = await self._resources.find({"_id": _resource_id("model", resource.links["model_id"])}, limit=1)
        return found[0].name if found else None

    async def tracked(
        self, project: str, subjects: Iterable[tuple[str, str]]
    ) -> dict[tuple[str, str], TrackedResource]:
        """Return the project's resources among these (kind and id) that events have described."""
        ids = {derived_id("thing", *subject): subject for subject in subjects}
        found = await self._resources.for_project(project).find({"_id": {"$in": [*ids]}})
        return {ids[resource.id]: resource for resource in found}

    async def record_job_state(self, job_id: str, state: str) -> None:
        """Record a job's state from a broadcast. Jobs that no event has announced yet are ignored."""
        try:
            await self._resources.change(_resource_id("job", job_id), lambda resource: resource.apply_progress(state))
        except NotFound:
            return

    async def overview(self, project: str) -> Overview:
        """Summarize one project: counts and recent activity."""
        resources = self._resources.for_project(project)

        async def count(kind: Kind, state: str) -> int:
            return await resources.count({"kind": kind, "state": state})

        datasets, models, evaluations, exports, deployments, *jobs = await asyncio.gather(
            count("dataset", "ready"),
            count("model", "ready"),
            count("evaluation", "succeeded"),
            count("export", "succeeded"),
            count("deployment", "ready"),
            *(count("job", state) for state in JOB_STATES),
        )
        return Overview(
            datasets=datasets,
            jobs=dict(zip(JOB_STATES, jobs, strict=True)),
            custom_models=models,
            evaluations=evaluations,
            exports=exports,
            deployments=deployments,
            recent=await self._recent(project),
            first_steps=[kind for kind in KINDS if await resources.find({"kind": kind}, limit=1)],
        )

    async def _recent(self, project: str) -> list[ActivityView]:
        lines: list[ActivityView] = []
        for limit in READ:
            stored = await self._activities.for_project(project).find(limit=limit)
            lines = merge_cleanups(ActivityView.model_validate(line.model_dump()) for line in stored)[:RECENT]
            if len(lines) == RECENT or len(stored) < limit:
                break
        known = await self.tracked(project, {(line.kind, line.subject) for line in lines})
        for line in lines:
            resource = known.get((line.kind, line.subject))
            line.deleted = resource is not None and resource.state == "deleted"
        return lines


def merge_cleanups(lines: Iterable[ActivityView]) -> list[ActivityView]:
    """The lines, newest first, with one for all of a kind that were deleted or cancelled in short succession."""
    shown: list[ActivityView] = []
    cleanups: dict[str, Cleanup] = {}
    for line in lines:
        cleanup = cleanups.get(line.event)
        if cleanup and cleanup.since - line.time <= CLEANUP_GAP and line.subject not in cleanup.subjects:
            cleanup.add(line)
            continue
        shown.append(line)
        if any(part in line.event for part in MERGED):
            cleanups[line.event] = Cleanup(line, line.time, {line.subject})
    return shown


@dataclass
class Cleanup:
    """A shown line, and what it stands for so far."""

    line: ActivityView
    since: datetime
    subjects: set[str]

    def add(self, line: ActivityView) -> None:
        """Count an earlier line."""
        self.since = line.time
        self.subjects.add(line.subject)
        self.line.count += 1


def _resource_id(kind: Kind, subject: str) -> str:
    return derived_id("thing", kind, subject)
