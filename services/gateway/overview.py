"""The read model of the dashboard: what exists, how it stands, and what happened lately; fed by events only."""

import asyncio
from dataclasses import dataclass, field
from datetime import datetime

from pydantic import BaseModel, Field

from services.gateway.models import Activity, Kind, Thing
from services.gateway.store import Stores
from shared.documents.entities import EntityStore, derived_id
from shared.events.envelope import Envelope
from shared.runtime.errors import NotFound

JOB_STATES = ("queued", "running", "pausing", "paused", "publishing", "succeeded", "failed", "cancelled")
RECENT = 20


@dataclass(frozen=True)
class Fact:
    """What one event says about one thing."""

    kind: Kind
    subject: str
    state: str
    name: str | None = None
    detail: str | None = None
    links: dict[str, str] = field(default_factory=dict)


class ActivityView(BaseModel):
    """One line of what happened lately."""

    time: datetime
    event: str = Field(description="the event's type, e.g. training.succeeded.v1")
    kind: Kind
    subject: str = Field(description="the id of what it is about")
    name: str | None
    detail: str | None


class Overview(BaseModel):
    """A project at a glance."""

    datasets: int
    jobs: dict[str, int] = Field(description="by state")
    custom_models: int
    evaluations: int
    exports: int
    deployments: int
    recent: list[ActivityView] = Field(description="newest first")


class ReadModel:
    """Learns facts, answers questions."""

    def __init__(self, stores: Stores) -> None:
        self._things: EntityStore[Thing] = stores.things
        self._activities: EntityStore[Activity] = stores.activities

    async def learn(self, envelope: Envelope, fact: Fact, *consequences: Fact) -> None:
        """Take facts over. The event's id makes repeats harmless, its sequence makes late ones so.

        The first fact is also noted as recent activity.
        """
        for known in (fact, *consequences):
            await self._take_over(envelope, known)
        activity = Activity(
            id=derived_id("activity", envelope.id),
            project=envelope.project,
            created_at=envelope.time,
            time=envelope.time,
            event=envelope.type,
            kind=fact.kind,
            subject=fact.subject,
            name=fact.name or await self._name(fact),
            detail=fact.detail,
        )
        await self._activities.create(activity)

    async def _take_over(self, envelope: Envelope, fact: Fact) -> None:
        id = _thing_id(fact.kind, fact.subject)
        blank = Thing(id=id, project=envelope.project, kind=fact.kind, state="unknown", sequence=-1)
        await self._things.create(blank)
        await self._things.change(
            id, lambda thing: thing.learn(fact.state, envelope.sequence, fact.name, fact.links), event_id=envelope.id
        )

    async def _name(self, fact: Fact) -> str | None:
        """What the thing is called, or else the model that it belongs to, as far as events have told."""
        thing = await self._things.get(_thing_id(fact.kind, fact.subject))
        if thing.name or "model_id" not in thing.links:
            return thing.name
        found = await self._things.find({"_id": _thing_id("model", thing.links["model_id"])}, limit=1)
        return found[0].name if found else None

    async def job_moved(self, job_id: str, state: str) -> None:
        """A job's state as a broadcast told it; unknown jobs are left to the events."""
        try:
            await self._things.change(_thing_id("job", job_id), lambda thing: thing.progress(state))
        except NotFound:
            return

    async def overview(self, project: str) -> Overview:
        """Counts and recent activity of one project."""
        things = self._things.for_project(project)

        async def count(kind: Kind, state: str) -> int:
            return await things.count({"kind": kind, "state": state})

        datasets, models, evaluations, exports, deployments, *jobs = await asyncio.gather(
            count("dataset", "ready"),
            count("model", "ready"),
            count("evaluation", "succeeded"),
            count("export", "succeeded"),
            count("deployment", "ready"),
            *(count("job", state) for state in JOB_STATES),
        )
        recent = await self._activities.for_project(project).find(limit=RECENT)
        return Overview(
            datasets=datasets,
            jobs=dict(zip(JOB_STATES, jobs, strict=True)),
            custom_models=models,
            evaluations=evaluations,
            exports=exports,
            deployments=deployments,
            recent=[ActivityView.model_validate(line.model_dump()) for line in recent],
        )


def _thing_id(kind: Kind, subject: str) -> str:
    return derived_id("thing", kind, subject)
