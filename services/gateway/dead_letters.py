"""Events that a room could not handle, for operators: look at them, and have them delivered again."""

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

    id: str = Field(description="what a replay names")
    room: str = Field(description="the room that could not handle it")
    type: str
    event_id: str
    subject: str = Field(description="the id of what it speaks of")
    project: str
    time: datetime = Field(description="when it was stated")
    reason: str = Field(description="why the last attempt failed")
    attempts: int
    data: dict[str, Any]

    @classmethod
    def of(cls, letter: DeadLetter) -> "DeadLetterView":
        """The view of a dead letter."""
        event = letter.envelope
        return cls(
            id=letter.id,
            room=letter.room,
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
    """Dead letters, the one that died first before the others."""

    items: list[DeadLetterView]
    total: int = Field(description="how many there are, those beyond the limit too")


class Replayed(BaseModel):
    """What a replay did."""

    replayed: int = Field(description="events that were put back into their rooms' queues")


def routes(bus: Bus) -> APIRouter:
    """The routes below /events; an admin sees the own project's events, the operator all."""
    router = APIRouter(tags=["System"])

    @router.get("/events/dead")
    async def list_dead_events(
        caller: Caller, room: str | None = None, limit: Annotated[int, Query(ge=1, le=1000)] = 100
    ) -> DeadLetters:
        """Events that a room could not handle, oldest first."""
        letters = await _visible(bus, caller, room)
        return DeadLetters(items=[DeadLetterView.of(letter) for letter in letters[:limit]], total=len(letters))

    @router.post("/events/dead/replay")
    async def replay_dead_events(caller: Caller, room: str | None = None) -> Replayed:
        """Put all dead events, or those of a room, back into their queues with their attempts forgotten."""
        letters = await _visible(bus, caller, room)
        return Replayed(replayed=await bus.replay(*(letter.id for letter in letters)))

    @router.post("/events/dead/{letter_id}/replay")
    async def replay_dead_event(caller: Caller, letter_id: str) -> Replayed:
        """Put one dead event back into its room's queue with its attempts forgotten."""
        known = {letter.id for letter in await _visible(bus, caller, None)}
        if letter_id not in known or not await bus.replay(letter_id):
            remedy = "GET /events/dead lists them; it may have been replayed already."
            raise NotFound(f"There is no dead letter {letter_id!r}.", field="letter_id", remedy=remedy)
        return Replayed(replayed=1)

    return router


async def _visible(bus: Bus, caller: Principal, room: str | None) -> list[DeadLetter]:
    everything = caller.scopes == OPERATOR
    return [letter for letter in await bus.dead(room) if everything or letter.envelope.project == caller.project]
