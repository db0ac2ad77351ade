"""A service as a value: its name, routes, event handlers and lifespan."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import structlog
from fastapi import APIRouter, Depends, FastAPI
from fastapi.routing import APIRoute

from shared.bus.protocol import Handler
from shared.events.envelope import Envelope, Event
from shared.events.registry import parse
from shared.runtime.errors import install_problem_handlers
from shared.runtime.http.authorization import Authorization
from shared.runtime.http.json_keys import refuse_repeated_keys
from shared.runtime.http.query import refuse_unknown_query
from shared.runtime.resources import Resources
from shared.runtime.telemetry.http_metrics import Measured, Requests

log = structlog.get_logger(__name__)

EventHandler = Callable[[Any, Envelope], Awaitable[None]]
"""`async def handler(event: <its Event class>, envelope: Envelope) -> None`."""


@asynccontextmanager
async def nothing() -> AsyncIterator[None]:
    """An empty lifespan."""
    yield


@dataclass(frozen=True)
class Service:
    """The result of a service's `app.build(resources)`."""

    name: str
    router: APIRouter
    subscriptions: Mapping[type[Event], EventHandler] = field(default_factory=dict)
    lifespan: Callable[[], AbstractAsyncContextManager[None]] = nothing


def web_app(service: Service, resources: Resources, *, openapi_url: str | None = "/openapi.json") -> FastAPI:
    """The service's ASGI app, with its OpenAPI description at `openapi_url`."""
    app = FastAPI(
        title=f"Anneal {service.name}",
        dependencies=[Depends(refuse_unknown_query), Depends(refuse_repeated_keys)],
        generate_unique_id_function=_operation_id,
        openapi_url=openapi_url,
        docs_url=None,
        redoc_url=None,
        telemetry={"tracing": False, "metrics": False, "logs": False},  # http_spans.py does the tracing
    )
    requests = Requests(resources.metrics, "anneal_http", "Requests that a service answered")
    app.add_middleware(Authorization, service=service.name, keyring=resources.keyring)
    app.add_middleware(Measured, service=service.name, requests=requests)
    install_problem_handlers(app)
    app.include_router(service.router)
    return app


def _operation_id(route: APIRoute) -> str:
    return route.name


def _typed(handler: EventHandler) -> Handler:
    async def deliver(envelope: Envelope) -> None:
        await handler(parse(envelope), envelope)

    return deliver


@asynccontextmanager
async def running(services: Iterable[Service], resources: Resources) -> AsyncIterator[None]:
    """Run everything of the services but HTTP: lifespans, subscriptions, the outbox."""
    services = list(services)
    async with AsyncExitStack() as stack:
        for service in services:
            await stack.enter_async_context(service.lifespan())
        for service in services:
            for event, handler in service.subscriptions.items():
                await resources.bus.subscribe(service.name, event.type, _typed(handler))
        await stack.enter_async_context(background(resources.outbox.run()))
        yield


@asynccontextmanager
async def background(work: Awaitable[None]) -> AsyncIterator[None]:
    """Run `work` beside the block; cancel it at the end and wait for its end.

    For time limits `work` must use `asyncio.timeout`: Python 3.11's `asyncio.wait_for` can swallow the cancellation,
    and this would then wait forever.
    """
    task = asyncio.ensure_future(work)
    task.add_done_callback(_log_end)
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def _log_end(task: asyncio.Future[None]) -> None:
    """Log a background task that ended without being cancelled."""
    if not task.cancelled() and (error := task.exception()):
        log.error("background_work_died", exc_info=error)


async def readiness(resources: Resources) -> dict[str, str]:
    """Check each dependency: name -> "ok" or the error."""
    checks = {"bus": resources.bus.ping, "documents": resources.documents.ping, "blobs": resources.blobs.ping}
    found: dict[str, str] = {}
    for name, ping in checks.items():
        try:
            await asyncio.wait_for(ping(), 2.0)
            found[name] = "ok"
        except Exception as error:
            found[name] = f"{type(error).__name__}: {error}"
    return found
