"""Run the gateway as its own process: `python -m services.gateway`; ANNEAL_SERVICES lists the services' addresses."""

import sys

from services.gateway.app import build
from services.gateway.http_upstream import upstreams_at
from shared.runtime.http.server import Process, refuse_exposure, start
from shared.runtime.resources import Resources
from shared.runtime.telemetry.logging import log_access_to


async def gateway(resources: Resources) -> Process:
    """Build the gateway in front of services that are reached over HTTP."""
    refuse_exposure(resources.settings)
    log_access_to(sys.stdout)
    built = await build(resources, upstreams_at(resources.settings.services))
    return Process(built.service, built.app)


if __name__ == "__main__":
    start(gateway)
