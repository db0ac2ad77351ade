"""A running gateway in front of a fake training service, on the embedded adapters."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any

import httpx
from fastapi import APIRouter, Request
from fastapi.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from services.gateway.app import Gateway, build
from services.gateway.http_upstream import HttpUpstream
from shared.events.envelope import Envelope, Event
from shared.events.training import TrainingProgressed
from shared.runtime.errors import NotFound
from shared.runtime.http.principal import Caller
from shared.runtime.jobs.streams import Streams
from shared.runtime.resources import Resources, open_resources
from shared.runtime.service import Service, running, web_app
from shared.runtime.settings import Settings
from shared.runtime.telemetry.logging import configure_logging
from tests.support.asgi_server import serving

TLS = ssl.create_default_context()
"""One for all clients: httpx would read the certificates again for each."""
TIMEOUT_S = 60.0
"""Upper bound for steps that take milliseconds on an idle machine."""


class FakeTrainingService:
    """The parts of the training service that the gateway uses: job state, records, and the caller's identity."""

    def __init__(self, streams: Streams) -> None:
        self.streams, self.jobs, self.owners = streams, dict[str, str](), dict[str, str]()
        self.queued = 3
        self.release_stream = asyncio.Event()
        self.stream_closed = asyncio.Event()
        self.chunk_received = asyncio.Event()

    def routes(self) -> APIRouter:
        router = APIRouter(tags=["Training"])

        @router.get("/training/jobs")
        async def list_jobs(request: Request, caller: Caller) -> dict[str, Any]:
            return {"caller": [caller.subject, caller.project, caller.scopes], "headers": dict(request.headers)}

        @router.post("/training/jobs")
        async def create_job(request: Request, caller: Caller) -> dict[str, Any]:
            size = len(await request.body())
            await asyncio.sleep(0.01)
            self.queued += 1
            return {"size": size}

        @router.get("/training/jobs/usage")
        async def show_usage(caller: Caller) -> dict[str, Any]:
            return {"queued_jobs": self.queued, "cpu_hours": 1.5, "gpu_hours": 0}

        @router.get("/training/jobs/{job_id}")
        async def show_job(job_id: str, caller: Caller) -> dict[str, Any]:
            if self.owners.get(job_id, caller.project) != caller.project or job_id not in self.jobs:
                raise NotFound(f"There is no job {job_id!r} in this project.")
            return {"id": job_id, "state": self.jobs[job_id]}

        @router.get("/training/jobs/{job_id}/records")
        async def list_records(job_id: str, caller: Caller, after: int = 0, limit: int = 3) -> dict[str, Any]:
            return {"records": await self.streams.read(job_id, after=after, limit=min(limit, 3))}

        @router.get("/training/machine")
        async def break_down(caller: Caller) -> None:
            raise RuntimeError("a secret of the inside")

        @router.get("/training/presets")
        async def stream_for_ever(caller: Caller) -> StreamingResponse:
            return StreamingResponse(self._endless(), media_type="text/event-stream")

        return router

    async def echo(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send each chunk of the request body back as it arrives."""
        await send({"type": "http.response.start", "status": 200, "headers": []})
        more = True
        while more:
            message = await receive()
            more = message.get("more_body", False)
            self.chunk_received.set()
            await send({"type": "http.response.body", "body": message["body"], "more_body": more})

    async def _endless(self) -> AsyncIterator[bytes]:
        try:
            yield b"data: first\n\n"
            await self.release_stream.wait()
        finally:
            self.stream_closed.set()


@dataclass
class RunningPlatform:
    """A gateway with one service behind it, and its operator key."""

    url: str
    resources: Resources
    gateway: Gateway
    training: FakeTrainingService
    key: str

    def client(self, key: str | None = "", **options: Any) -> httpx.AsyncClient:
        """A client with the operator's key, another one, or none."""
        token = self.key if key == "" else key
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        headers |= options.pop("headers", {})
        return httpx.AsyncClient(base_url=self.url, headers=headers, timeout=TIMEOUT_S, verify=TLS, **options)

    async def publish(self, event: Event, *, sequence: int = 1, project: str = "default", subject: str = "x") -> str:
        envelope = Envelope.of(event, service="training", subject=subject, project=project, sequence=sequence)
        await self.resources.bus.publish(envelope)
        return envelope.id

    async def broadcast(self, job: str, records: list[dict[str, Any]]) -> None:
        event = TrainingProgressed(job_id=job, records=records)
        await self.resources.bus.broadcast(Envelope.of(event, service="training", subject=job, project="default"))


@asynccontextmanager
async def open_platform(tmp_path: Path, *, remote: bool, **settings: Any) -> AsyncIterator[RunningPlatform]:
    """Start the platform; with `remote` the gateway reaches the service over HTTP. `settings` go into Settings."""
    configure_logging(StringIO())
    configured = Settings(home=tmp_path, allowed_hosts=["anneal.example"], warm_engines=False, **settings)
    async with AsyncExitStack() as stack:
        resources = await stack.enter_async_context(open_resources(configured))
        training = FakeTrainingService(await Streams.open(resources.documents, "training"))
        app = web_app(Service("training", training.routes()), resources)
        app.mount("/v1/models", training.echo)  # DELETE /v1/models/{model_id:path} is the service's
        app_or_client: Any = app
        if remote:
            app_or_client = HttpUpstream(await stack.enter_async_context(serving(app)))
            stack.push_async_callback(app_or_client.close)
        gateway = await build(resources, {"training": app_or_client})
        await stack.enter_async_context(running([gateway.service], resources))
        url = await stack.enter_async_context(serving(gateway.app))
        yield RunningPlatform(url, resources, gateway, training, (tmp_path / "api-key").read_text().strip())


async def wait_until(condition: Callable[[], Any], seconds: float = TIMEOUT_S) -> Any:
    """Poll `condition` until it returns something true, and return that. Raises TimeoutError."""
    async with asyncio.timeout(seconds):
        while not (found := await condition()):
            await asyncio.sleep(0.02)
        return found
