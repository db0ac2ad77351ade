"""Platform-wide status: readiness, metrics, and the merged OpenAPI document."""

import asyncio

import structlog

from services.gateway import openapi
from services.gateway.upstreams import Upstreams
from shared.runtime.resources import Resources
from shared.runtime.service import readiness

log = structlog.get_logger(__name__)

PING_TIMEOUT_S = 2.0


class Platform:
    """Queries over all services; `upstreams` includes the gateway itself."""

    def __init__(self, resources: Resources, upstreams: Upstreams, version: str) -> None:
        self._resources, self._upstreams, self.version = resources, upstreams, version

    async def readiness(self) -> tuple[dict[str, str], dict[str, str]]:
        """Check the gateway's own dependencies and all services: name -> "ok" or "not_ready". Causes go to the log."""
        names = sorted(self._upstreams.by_service)
        own = asyncio.create_task(readiness(self._resources))
        pings = await asyncio.gather(*(self._ping(name) for name in names))
        return _without_causes(await own), _without_causes(dict(zip(names, pings, strict=True)))

    async def installation(self) -> dict[str, list[str]]:
        """Limits of engines, and what is missing; empty in a gateway that runs no engines."""
        if not self._resources.embedded:
            return {}
        engines = self._resources.engines
        absent, held = await engines.missing_limits(), await engines.held_limits()
        return {"sandbox": absent, "sandbox_limits": held, "missing": sorted(self._resources.missing)}

    async def metrics(self) -> bytes:
        """Return this process's metrics in the Prometheus text format."""
        return await self._resources.metrics.scrape()

    async def _ping(self, service: str) -> str:
        try:
            await asyncio.wait_for(self._upstreams[service].ping(), PING_TIMEOUT_S)
        except Exception as error:
            return f"{type(error).__name__}: {error}"
        return "ok"

    async def openapi(self, own: openapi.OpenApiDocument) -> openapi.OpenApiDocument:
        """Merge the OpenAPI documents of the gateway and of every service that responds."""
        return openapi.merge(await openapi.collect(self._upstreams, own), self.version)


def _without_causes(found: dict[str, str]) -> dict[str, str]:
    """Log the causes and leave them out: the readiness route is public."""
    for name, state in found.items():
        if state != "ok":
            log.warning("not_ready", dependency=name, detail=state)
    return {name: "ok" if state == "ok" else "not_ready" for name, state in found.items()}
