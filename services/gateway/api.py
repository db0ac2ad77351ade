"""The gateway's own routes: health, metrics, the OpenAPI description and its page, the overview, the websocket."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Annotated, Any, Literal

import structlog
from fastapi import APIRouter, Query, Request, Response, WebSocket, WebSocketDisconnect, status
from fastapi.responses import HTMLResponse, JSONResponse, RedirectResponse
from prometheus_client import CONTENT_TYPE_LATEST
from pydantic import BaseModel, Field

from services.gateway import ui
from services.gateway.auth.authenticator import COOKIE
from services.gateway.job_stream import JobStreams
from services.gateway.metrics import GatewayMetrics
from services.gateway.overview import Overview, ReadModel
from services.gateway.service import Platform
from services.gateway.static_pages import page
from shared.runtime.errors import AnnealError
from shared.runtime.http.principal import Caller

log = structlog.get_logger(__name__)


class Health(BaseModel):
    """The health of this process."""

    status: Literal["ok", "degraded", "not_ready"] = Field(
        description="degraded: a service is unavailable, all others work; not_ready: this process cannot serve requests"
    )
    version: str = Field(description="the version of Anneal")
    checks: dict[str, str] = Field(default={}, description='each dependency and service by name: "ok" or "not_ready"')
    sandbox: list[str] = Field(default=[], description="limits of engines that this machine does not allow")
    sandbox_limits: list[str] = Field(default=[], description="limits of engines that hold on this machine")
    missing: list[str] = Field(default=[], description="what this installation lacks, such as the bundled base model")


def routes(platform: Platform, model: ReadModel) -> APIRouter:
    """Return the system routes."""
    router = APIRouter(tags=["System"])

    @router.get("/", include_in_schema=False)
    async def landing(request: Request) -> Response:
        return RedirectResponse("/ui/") if COOKIE in request.cookies else page("landing")

    @router.get("/ui", include_in_schema=False)
    @router.get("/ui/{path:path}", include_in_schema=False)
    async def browser_app(request: Request, path: str = "") -> Response:
        return ui.serve(request, path)

    @router.get("/docs", include_in_schema=False)
    async def docs() -> HTMLResponse:
        return page("docs")

    @router.get("/healthz")
    async def show_health() -> Health:
        """Report that this process is alive."""
        return Health(status="ok", version=platform.version)

    @router.get("/readyz", responses={503: {"model": Health}})
    async def show_readiness(response: Response) -> Health:
        """Report whether each dependency and each service is ready. The log holds the cause of a failure.

        The status is 503 only when the gateway's own dependencies are down: one unavailable service must not take the
        gateway out of rotation for the others.
        """
        own, services = await platform.readiness()
        found = {"version": platform.version, "checks": own | services, **await platform.installation()}
        if any(state != "ok" for state in own.values()):
            response.status_code = 503
            return Health(status="not_ready", **found)
        all_ready = all(state == "ok" for state in services.values())
        return Health(status="ok" if all_ready else "degraded", **found)

    @router.get("/metrics", include_in_schema=False)
    async def show_metrics() -> Response:
        return Response(await platform.metrics(), media_type=CONTENT_TYPE_LATEST)

    @router.get("/openapi.json", include_in_schema=False)
    async def describe_api(request: Request) -> JSONResponse:
        return JSONResponse(await platform.openapi(request.app.openapi()))

    @router.get("/overview")
    async def show_overview(caller: Caller) -> Overview:
        """Summarize the project: counts, jobs by state, recent activity."""
        return await model.overview(caller.project)

    return router


def websocket_routes(streams: JobStreams, metrics: GatewayMetrics) -> APIRouter:
    """Return the websocket route."""
    router = APIRouter()

    @router.websocket("/live")
    async def follow_job(caller: Caller, socket: WebSocket, job: str, after: Annotated[int, Query(ge=0)] = 0) -> None:
        """Messages: {"type": "records", "job_id", "records"} until {"type": "end", "state"}, or {"type": "error"}."""
        await socket.accept()
        with metrics.live.track_inprogress():
            sender = asyncio.create_task(_send(socket, job, streams.messages(job, after, caller)))
            disconnect = asyncio.create_task(_wait_for_disconnect(socket))
            done, pending = await asyncio.wait((sender, disconnect), return_when=asyncio.FIRST_COMPLETED)
            for task in pending:
                task.cancel()
            await asyncio.gather(*done, *pending, return_exceptions=True)

    return router


async def _send(socket: WebSocket, job_id: str, messages: AsyncIterator[dict[str, Any]]) -> None:
    """Send all messages. An error is sent as the last message; the close code is 4000 plus its HTTP status."""
    try:
        async with aclosing(messages):  # type: ignore[type-var]
            async for message in messages:
                await socket.send_json(message)
        await socket.close()
    except AnnealError as error:
        await socket.send_json({"type": "error", "job_id": job_id, "problem": error.problem()})
        await socket.close(4000 + error.status)
    except WebSocketDisconnect:
        return
    except Exception:
        log.exception("job_stream_failed", job_id=job_id)
        await socket.close(status.WS_1011_INTERNAL_ERROR)


async def _wait_for_disconnect(socket: WebSocket) -> None:
    """Wait until the client disconnects; ignore anything it sends."""
    try:
        while True:
            await socket.receive_text()
    except (WebSocketDisconnect, KeyError):
        return
