"""The platform as a whole: is it ready, and how is its API described."""

import asyncio

import structlog

from services.gateway import openapi
from services.gateway.targets import Rooms
from shared.runtime.resources import Resources
from shared.runtime.service import readiness

log = structlog.get_logger(__name__)

PATIENCE = 2.0


class Platform:
    """Questions about all rooms together. `rooms` includes the gateway itself."""

    def __init__(self, resources: Resources, rooms: Rooms, version: str) -> None:
        self._resources, self._rooms, self.version = resources, rooms, version

    async def readiness(self) -> tuple[dict[str, str], dict[str, str]]:
        """The gateway's own servers and the rooms by name: "ok" or "not_ready"; why not goes to the log."""
        names = sorted(self._rooms.targets)
        own = asyncio.create_task(readiness(self._resources))
        rooms = await asyncio.gather(*(self._ping(name) for name in names))
        return _told(await own), _told(dict(zip(names, rooms, strict=True)))

    async def metrics(self) -> bytes:
        """What this process counts, for Prometheus."""
        return await self._resources.metrics.scrape()

    async def _ping(self, room: str) -> str:
        try:
            await asyncio.wait_for(self._rooms[room].ping(), PATIENCE)
        except Exception as error:
            return f"{type(error).__name__}: {error}"
        return "ok"

    async def description(self, own: openapi.Description) -> openapi.Description:
        """The merged OpenAPI description of every room that answers and of the gateway itself."""
        return openapi.merge(await openapi.collect(self._rooms, own), self.version)


def _told(found: dict[str, str]) -> dict[str, str]:
    """What may be told without a key."""
    for name, state in found.items():
        if state != "ok":
            log.warning("not_ready", dependency=name, detail=state)
    return {name: "ok" if state == "ok" else "not_ready" for name, state in found.items()}
