"""The gateway's own paths: health, metrics, the API description and its page, the overview, the live websocket."""

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
from services.gateway.auth.gate import COOKIE
from services.gateway.live import Live
from services.gateway.metrics import DoorMetrics
from services.gateway.overview import Overview, ReadModel
from services.gateway.pages import page
from services.gateway.service import Platform
from shared.runtime.errors import AnnealError
from shared.runtime.http.principal import HEADER, Caller, Signer

log = structlog.get_logger(__name__)


class Health(BaseModel):
    """How this process is."""

    status: Literal["ok", "degraded", "not_ready"] = Field(
        description="degraded: a room is away, everything else works; not_ready: nothing works through this process"
    )
    version: str = Field(description="of Anneal")
    checks: dict[str, str] = Field(default={}, description='each dependency and room by name: "ok" or "not_ready"')


def routes(platform: Platform, model: ReadModel) -> APIRouter:
    """The system routes."""
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
        """This process is alive."""
        return Health(status="ok", version=platform.version)

    @router.get("/readyz", responses={503: {"model": Health}})
    async def show_readiness(response: Response) -> Health:
        """Whether each dependency and room answers; what is wrong with one is in the log, not here.

        503 only without the gateway's own servers: a room that is away must not take the door away from the others.
        """
        own, rooms = await platform.readiness()
        if any(state != "ok" for state in own.values()):
            response.status_code = 503
            return Health(status="not_ready", version=platform.version, checks=own | rooms)
        whole = all(state == "ok" for state in rooms.values())
        return Health(status="ok" if whole else "degraded", version=platform.version, checks=own | rooms)

    @router.get("/metrics", include_in_schema=False)
    async def show_metrics() -> Response:
        return Response(await platform.metrics(), media_type=CONTENT_TYPE_LATEST)

    @router.get("/openapi.json", include_in_schema=False)
    async def describe_api(request: Request) -> JSONResponse:
        return JSONResponse(await platform.description(request.app.openapi()))

    @router.get("/overview")
    async def show_overview(caller: Caller) -> Overview:
        """The project at a glance: counts, jobs by state, what happened lately."""
        return await model.overview(caller.project)

    return router


def live_routes(live: Live, metrics: DoorMetrics, signer: Signer) -> APIRouter:
    """The websocket."""
    router = APIRouter()

    @router.websocket("/live")
    async def follow_job(socket: WebSocket, job: str, after: Annotated[int, Query(ge=0)] = 0) -> None:
        """Messages: {"type": "records", "job_id", "records"} until {"type": "end", "state"}, or {"type": "error"}."""
        principal = signer.verify(socket.headers.get(HEADER, ""))
        await socket.accept()
        with metrics.live.track_inprogress():
            sending = asyncio.create_task(_send(socket, job, live.messages(job, after, principal)))
            leaving = asyncio.create_task(_left(socket))
            done, pending = await asyncio.wait((sending, leaving), return_when=asyncio.FIRST_COMPLETED)
            for task in pending:
                task.cancel()
            await asyncio.gather(*done, *pending, return_exceptions=True)

    return router


async def _send(socket: WebSocket, job_id: str, messages: AsyncIterator[dict[str, Any]]) -> None:
    """Send until the end; a failure is the last message, and its status the close code's last digits."""
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
        log.exception("live_failed", job_id=job_id)
        await socket.close(status.WS_1011_INTERNAL_ERROR)


async def _left(socket: WebSocket) -> None:
    """Wait until the other side has gone; what it says is ignored."""
    try:
        while True:
            await socket.receive_text()
    except (WebSocketDisconnect, KeyError):
        return
