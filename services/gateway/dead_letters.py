"""Dead-letter queue API for operators: list the events that a service failed to handle, and replay them."""

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from services.gateway.auth.keys import OPERATOR
from shared.bus.protocol import Bus, DeadLetter
from shared.runtime.errors import NotFound
from shared.runtime.http.principal import Caller, Principal


class DeadLetterView(BaseModel):
    """An event in the dead-letter queue."""

    id: str = Field(description="the id to replay it by")
    room: str = Field(description="the service that could not handle it")
    type: str
    event_id: str
    subject: str = Field(description="the id of the resource that the event is about")
    project: str
    time: datetime = Field(description="when the event was emitted")
    reason: str = Field(description="why the last attempt failed")
    attempts: int
    data: dict[str, Any]

    @classmethod
    def of(cls, letter: DeadLetter) -> "DeadLetterView":
        """Build the view of a dead letter."""
        event = letter.envelope
        return cls(
            id=letter.id,
            room=letter.service,
            type=event.type,
            event_id=event.id,
            subject=event.subject,
            project=event.project,
            time=event.time,
            reason=letter.reason,
            attempts=letter.attempts,
            data=event.data,
        )


class DeadLetters(BaseModel):
    """Dead letters, oldest first."""

    items: list[DeadLetterView]
    total: int = Field(description="number of dead letters, including those beyond the limit")


class Replayed(BaseModel):
    """The result of a replay."""

    replayed: int = Field(description="events that were returned to their services' queues")


def routes(bus: Bus) -> APIRouter:
    """Return the routes below /events. An admin sees the events of its project, the operator all events."""
    router = APIRouter(tags=["System"])

    @router.get("/events/dead")
    async def list_dead_events(
        caller: Caller, room: str | None = None, limit: Annotated[int, Query(ge=1, le=1000)] = 100
    ) -> DeadLetters:
        """List the events that a service failed to handle, oldest first."""
        letters = await _visible(bus, caller, room)
        return DeadLetters(items=[DeadLetterView.of(letter) for letter in letters[:limit]], total=len(letters))

    @router.post("/events/dead/replay")
    async def replay_dead_events(caller: Caller, room: str | None = None) -> Replayed:
        """Return all dead events, or those of one service, to their queues and reset their attempts."""
        letters = await _visible(bus, caller, room)
        return Replayed(replayed=await bus.replay(*(letter.id for letter in letters)))

    @router.post("/events/dead/{letter_id}/replay")
    async def replay_dead_event(caller: Caller, letter_id: str) -> Replayed:
        """Return one dead event to its service's queue and reset its attempts."""
        known = {letter.id for letter in await _visible(bus, caller, None)}
        if letter_id not in known or not await bus.replay(letter_id):
            remedy = "List them with GET /events/dead; it may have been replayed already."
            raise NotFound(f"There is no dead letter {letter_id!r}.", field="letter_id", remedy=remedy)
        return Replayed(replayed=1)

    return router


async def _visible(bus: Bus, caller: Principal, service: str | None) -> list[DeadLetter]:
    is_operator = caller.scopes == OPERATOR
    return [letter for letter in await bus.dead(service) if is_operator or letter.envelope.project == caller.project]
