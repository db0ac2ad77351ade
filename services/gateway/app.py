"""The gateway's composition root."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import structlog
from fastapi import APIRouter
from starlette.types import ASGIApp

from services.gateway import api, dead_letters, handlers
from services.gateway.auth import api as auth_api
from services.gateway.auth.credentials import Credentials, mint
from services.gateway.auth.gate import Gate
from services.gateway.auth.keys import Keys
from services.gateway.auth.sessions import Sessions
from services.gateway.forward import Forwarder
from services.gateway.front import Front
from services.gateway.live import Hub, Live
from services.gateway.metrics import DoorMetrics
from services.gateway.models import Grant, Key, Session
from services.gateway.overview import ReadModel
from services.gateway.service import Platform
from services.gateway.store import Stores
from services.gateway.targets import InProcess, Rooms, Target, as_target
from shared.runtime.http.principal import Principal
from shared.runtime.resources import Resources, private_file
from shared.runtime.service import Service, background, web_app

log = structlog.get_logger(__name__)

OPERATOR = Principal("operator")
VERSION = "0.2.0"
SWEEP_INTERVAL = 3600.0


@dataclass(frozen=True)
class Gateway:
    """`app` serves everything on one port; `service` is what runs beside it."""

    service: Service
    app: ASGIApp
    sessions: Sessions

    async def link(self) -> str:
        """A path that signs one browser in as the operator, once."""
        return await self.sessions.link(OPERATOR)


async def sweep(*expiring: Credentials[Any]) -> None:
    """Bury expired sessions, links and tickets from time to time. Keys stay: their list says that they expired."""
    while True:
        for credentials in expiring:
            try:
                await credentials.sweep()
            except Exception:
                log.exception("sweep_failed")
        await asyncio.sleep(SWEEP_INTERVAL)


async def build(resources: Resources, rooms: Mapping[str, Target | ASGIApp]) -> Gateway:
    """The gateway in front of `rooms`: room name -> its ASGI app in this process, or a Target such as OverHttp."""
    stores, metrics = await Stores.open(resources), DoorMetrics(resources.metrics)
    keys = Keys(Credentials(stores.keys, Key, "key"))
    grants = Credentials(stores.grants, Grant, "grant")
    sessions = Sessions(keys.credentials, Credentials(stores.sessions, Session, "session"), grants)
    first = resources.settings.operator_key or private_file(resources.settings.directory / "api-key", mint())
    await keys.register(first, "first key", OPERATOR)
    targets = Rooms({name: as_target(room) for name, room in rooms.items()}, resources.signer)
    model = ReadModel(stores)
    hub = Hub(resources.bus, model)

    @asynccontextmanager
    async def lifespan() -> AsyncIterator[None]:
        async with background(hub.serve()), background(sweep(sessions.credentials, grants)):
            yield

    router = APIRouter()
    router.include_router(auth_api.routes(keys, sessions))
    router.include_router(api.routes(Platform(resources, targets, VERSION), model))
    router.include_router(dead_letters.routes(resources.bus))
    router.include_router(api.live_routes(Live(hub, targets), metrics, resources.signer))
    service = Service("gateway", router, handlers.subscriptions(model), lifespan)
    targets.targets["gateway"] = InProcess(web_app(service, resources, openapi_url=None))
    gate = Gate(keys.credentials, sessions.credentials, grants, resources.settings)
    return Gateway(service, Front(Forwarder(gate, targets, resources.signer), metrics), sessions)
