"""Run a service as a process: settings, logging, resources, one port, health, and graceful shutdown.

`python -m services.<service>` calls `main(build)`. On SIGTERM the process stops claiming work, hands its work
back while open requests finish, and closes its connections.
"""

import asyncio
import errno
import resource
import signal
import socket
import sys
from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass

import structlog
import uvicorn
from fastapi import APIRouter, Response
from prometheus_client import CONTENT_TYPE_LATEST
from pydantic import BaseModel, Field
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shared.runtime.errors import AnnealError, Misconfigured, in_sentences
from shared.runtime.http.connections import LimitedProtocol, log_accept_errors_rarely, public_protocol
from shared.runtime.resources import Resources, open_resources
from shared.runtime.service import Service, readiness, running, web_app
from shared.runtime.settings import Settings, load_settings
from shared.runtime.telemetry.exporter import export_spans
from shared.runtime.telemetry.http_spans import record_response, server_span
from shared.runtime.telemetry.logging import configure_logging

log = structlog.get_logger(__name__)

MAX_WEBSOCKET_MESSAGE = 1 << 16
"""Clients have nothing to say on a websocket."""
DRAIN_SECONDS = 10
SECOND_SIGNAL_AFTER_S = 5.0
"""Seconds that open requests have after SIGTERM."""


class CannotListen(AnnealError):
    """The port is in use, or the address is not this machine's."""

    status = 500
    code = "cannot_listen"


@dataclass(frozen=True)
class Process:
    """A process: an ASGI app on its port, and the service that runs beside it."""

    service: Service
    app: ASGIApp


class Readiness(BaseModel):
    """Readiness of a process."""

    status: str = Field(description="ok or not_ready")
    checks: dict[str, str] = Field(default={}, description='each dependency by name: "ok" or "not_ready"')
    sandbox: list[str] = Field(default=[], description="limits of engines that this machine does not allow")
    sandbox_limits: list[str] = Field(default=[], description="limits of engines that hold on this machine")
    missing: list[str] = Field(default=[], description="what this installation lacks, such as the bundled base model")


class Server(uvicorn.Server):
    """uvicorn without its signal handlers, which would end the process before it hands its work back."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to accept connections."""
        log_accept_errors_rarely(asyncio.get_running_loop())
        await super().startup(sockets)

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signal handling to `run`."""
        yield


class Traced:
    """Middleware: a span around every request, in the trace that its headers name."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request in the caller's trace."""
        status = 0

        async def observed(message: Message) -> None:
            nonlocal status
            status = message.get("status", status)
            await send(message)

        with server_span(scope) as span:
            try:
                await self._app(scope, receive, observed)
            finally:
                record_response(span, scope, getattr(scope.get("route"), "path", None), status)


def operations(resources: Resources) -> APIRouter:
    """Health, readiness and metrics routes of every process."""
    router = APIRouter(include_in_schema=False)

    @router.get("/healthz")
    async def show_service_health() -> Readiness:
        """Liveness."""
        return Readiness(status="ok")

    @router.get("/readyz")
    async def show_service_readiness(response: Response) -> Readiness:
        """Readiness by dependency; errors are in the log."""
        found = await readiness(resources)
        for name, state in found.items():
            if state != "ok":
                log.warning("not_ready", dependency=name, detail=state)
        ready = all(state == "ok" for state in found.values())
        response.status_code = 200 if ready else 503
        checks = {name: "ok" if state == "ok" else "not_ready" for name, state in found.items()}
        absent, held = await resources.engines.missing_limits(), await resources.engines.held_limits()
        return Readiness(
            status="ok" if ready else "not_ready",
            checks=checks,
            sandbox=absent,
            sandbox_limits=held,
            missing=sorted(resources.missing),
        )

    @router.get("/metrics")
    async def show_service_metrics() -> Response:
        return Response(await resources.metrics.scrape(), media_type=CONTENT_TYPE_LATEST)

    return router


def as_process(service: Service, resources: Resources) -> Process:
    """A service as a process of its own."""
    app = web_app(service, resources)
    app.include_router(operations(resources))
    return Process(service, Traced(app))


async def serve(process: Process, settings: Settings, resources: Resources, stop: asyncio.Event) -> None:
    """Serve until `stop`; then hand work back while requests finish. Raises CannotListen."""
    server, listener = (
        Server(server_config(process.app, settings, public=process.service.name == "gateway")),
        listen(settings),
    )
    async with running([process.service], resources):
        serving = asyncio.create_task(server.serve(sockets=[listener]))
        stopping = asyncio.create_task(stop.wait())
        log.info("ready", service=process.service.name, address=listener.getsockname()[:2])
        await asyncio.wait((serving, stopping), return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        server.should_exit = True
        log.info("stopping", service=process.service.name)
    await serving


def server_config(app: ASGIApp, settings: Settings, *, public: bool = False) -> uvicorn.Config:
    """uvicorn's configuration: our own access log, no lifespan events, graceful shutdown.

    A `public` server, the gateway's, limits the connections of one address.
    """
    trusted = settings.trusted_proxies or (["127.0.0.1"] if settings.tls_proxy else [])
    return uvicorn.Config(
        app,
        proxy_headers=bool(trusted),
        forwarded_allow_ips=trusted,
        log_config=None,
        lifespan="off",
        ws="websockets-sansio",
        access_log=False,
        http=public_protocol(settings.connections_per_address, trusted) if public else LimitedProtocol,
        backlog=min(2048, LimitedProtocol.max_connections // 4),  # accepted at once, before any is closed for them
        ws_max_size=MAX_WEBSOCKET_MESSAGE,
        timeout_graceful_shutdown=DRAIN_SECONDS,
    )


def refuse_exposure(settings: Settings) -> None:
    """Raise Misconfigured where keys would cross a network unencrypted."""
    if not (settings.loopback or settings.tls_proxy or settings.published_on_loopback):
        detail = f"ANNEAL_HOST={settings.host} is not loopback, and the gateway serves plain HTTP."
        remedy = (
            "Put a TLS-terminating proxy before it and set ANNEAL_TLS_PROXY=true, or listen on 127.0.0.1; "
            "in a container whose port is published on 127.0.0.1 alone, set ANNEAL_PUBLISHED_ON_LOOPBACK=true."
        )
        raise Misconfigured(detail, field="host", remedy=remedy)


def listen(settings: Settings) -> socket.socket:
    """Open a listening socket on the configured address."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    try:
        listener = socket.create_server((settings.host, settings.port), family=family, backlog=512)
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # asyncio sets it only on its own sockets
        return listener
    except OSError as error:
        detail = f"Cannot listen on {settings.host}:{settings.port}: {error.strerror}."
        raise CannotListen(detail, field="port", remedy="Set ANNEAL_HOST or ANNEAL_PORT.") from error


async def run(build: Callable[[Resources], Awaitable[Process]], settings: Settings, *, warm: bool) -> None:
    """Open the resources, build, serve. SIGTERM and SIGINT stop it, also while it waits for its servers."""
    loop, starting, stop = asyncio.get_running_loop(), asyncio.current_task(), asyncio.Event()
    assert starting is not None
    on_signal(loop, starting.cancel)
    with ExitStack() as last:  # closing the resources is traced too
        async with open_resources(settings) as resources:
            process = await build(resources)
            last.enter_context(export_spans(settings, process.service.name))
            if warm and settings.warm_engines:
                await resources.engines.start()
            on_signal(loop, stop.set)
            await serve(process, settings, resources, stop)


def on_signal(loop: asyncio.AbstractEventLoop, act: Callable[[], object]) -> None:
    """Act on the first SIGTERM or SIGINT; one that comes SECOND_SIGNAL_AFTER_S later ends the process at once.

    Not before: Ctrl-C in a terminal reaches the whole group, and a supervisor then signals its processes again.
    """
    numbers = (signal.SIGTERM, signal.SIGINT)

    def first() -> None:
        for number in numbers:
            loop.add_signal_handler(number, lambda: None)
        loop.call_later(SECOND_SIGNAL_AFTER_S, restore)
        act()

    def restore() -> None:
        for number in numbers:
            loop.remove_signal_handler(number)
            signal.signal(number, signal.SIG_DFL)

    for number in numbers:
        loop.add_signal_handler(number, first)


@contextmanager
def explained() -> Iterator[None]:
    """End the process with exit code 1 and one line for what an operator can mend."""
    try:
        yield
    except AnnealError as error:
        sys.exit(f"anneal: {in_sentences(error.detail, error.remedy)}")
    except OSError as error:
        if error.errno not in (errno.EMFILE, errno.ENFILE):
            raise
        limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
        sys.exit(f"anneal: The process may have only {limit} files open. Raise `ulimit -n` to 1024 or more.")


def start(build: Callable[[Resources], Awaitable[Process]], *, warm: bool = False) -> None:
    """Run a process until SIGTERM. If it cannot start, print the reason on one line and exit with 1."""
    configure_logging()
    with explained(), suppress(asyncio.CancelledError):
        asyncio.run(run(build, load_settings(), warm=warm))


def main(build: Callable[[Resources], Awaitable[Service]], *, warm: bool = False) -> None:
    """Run a service. `warm` starts the forkserver with torch, for services whose engines need it."""

    async def service(resources: Resources) -> Process:
        return as_process(await build(resources), resources)

    start(service, warm=warm)
