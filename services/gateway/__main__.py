"""The gateway as a process of its own: `python -m services.gateway`, with ANNEAL_ROOMS naming the rooms' addresses."""

from services.gateway.app import build
from services.gateway.proxy import rooms_at
from shared.runtime.http.server import Process, refuse_exposure, start
from shared.runtime.resources import Resources


async def gateway(resources: Resources) -> Process:
    """The gateway in front of rooms that are reached by HTTP."""
    refuse_exposure(resources.settings)
    built = await build(resources, rooms_at(resources.settings.rooms))
    return Process(built.service, built.app)


if __name__ == "__main__":
    start(gateway)
