"""One vLLM server over one base model: started on first use, again after a death, its adapters loaded as asked."""

import asyncio
import os
import secrets
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import structlog
from opentelemetry.context import Context

from services.inference.errors import EngineLost, ModelRefused
from services.inference.protocol import EngineState, ModelSpec
from services.inference.vllm.placement import EVERYWHERE
from shared.runtime.processes.children import Child
from shared.runtime.resources import Resources
from shared.runtime.telemetry.tracing import within

log = structlog.get_logger(__name__)

TARGET = "services.inference.engine.vllm:main"
GRACE = 15.0
HEALTHY = 5.0
"""Seconds in which a server that is well says so."""
MOST_RANK = 64
BASE = "base"
"""The name of the server's own model; adapters go by their uri."""
SLOWEST_RETRY = 30.0
CANNOT_LOAD = 2
"""Starts in a row that may fail before the model counts as one that vLLM cannot load."""
ADAPTERS = ("--enable-lora", "--max-loras", "8", "--max-lora-rank", str(MOST_RANK))


class Unservable(ModelRefused):
    """vLLM cannot serve this model; another engine may."""

    code = "vllm_cannot_serve"


@dataclass
class _Life:
    """One process: where it answers and what was loaded into it."""

    child: Child
    key: str
    ready: asyncio.Future[httpx.AsyncClient]
    reading: asyncio.Task[None] | None = None
    context: int = 0
    pid: int = 0
    models: dict[str, int] = field(default_factory=dict)
    """uri -> bytes, of those that were asked for."""
    adapters: set[str] = field(default_factory=set)
    """Those of them that are adapters."""


class VllmServer:
    """Keeps the server of one model folder running, at a `place` (placement.py).

    `command` is a shell line without `--model`.
    """

    def __init__(self, resources: Resources, command: str, path: str, place: str = EVERYWHERE) -> None:
        self._resources, self.path, self._place = resources, path, place
        self._command = [*shlex.split(command), "--model", path, "--served-model-name", BASE]
        self._command += ["--generation-config", "vllm", *ADAPTERS]
        self._life: _Life | None = None
        self._turn = asyncio.Lock()
        self._failed = 0
        self._size = weight_of(Path(path))
        self.open = 0
        """Requests that run or wait."""

    @property
    def state(self) -> EngineState:
        """Whether it answers."""
        if self._life is None:
            return "idle"
        return "ready" if self._life.ready.done() else "starting"

    @property
    def models(self) -> Mapping[str, int]:
        """Bytes of each model that it serves, by uri; an adapter counts without its base."""
        return self._life.models if self._life else {}

    @property
    def memory(self) -> int:
        """Bytes of the weights in it."""
        return self._size + sum(self._life.models[uri] for uri in self._life.adapters) if self._life else 0

    @property
    def context(self) -> int:
        """The longest sequence in tokens."""
        return self._life.context if self._life else 0

    @property
    def pid(self) -> int | None:
        """The server's process id."""
        return self._life.pid or None if self._life else None

    async def ready(self) -> httpx.AsyncClient:
        """A client of the running server. Raises Unservable where it will not start, EngineLost where it died."""
        async with self._turn:
            if self._life is None:
                await self._start()
            life = self._life
        assert life
        return await asyncio.shield(life.ready)

    async def attach(self, model: ModelSpec) -> str:
        """The name by which the server knows the model; an adapter is loaded if need be. Raises Unservable."""
        client = await self.ready()
        async with self._turn:
            life = self._life
            if life is None:
                raise _lost("it ended")
            if model.ref["kind"] != "adapter":
                life.models[model.uri] = self._size
                return BASE
            if model.uri not in life.adapters:
                await self._load(client, model)
                life.adapters.add(model.uri)
                life.models[model.uri] = weight_of(Path(model.ref["path"]))
        return model.uri

    async def detach(self, uri: str) -> None:
        """Unload an adapter."""
        async with self._turn:
            if not self._life or self._life.models.pop(uri, None) is None:
                return
            if uri in self._life.adapters:
                self._life.adapters.remove(uri)
                client = await asyncio.shield(self._life.ready)
                await client.post("/v1/unload_lora_adapter", json={"lora_name": uri})

    async def close(self) -> None:
        """End the server."""
        if (life := self._life) is not None:
            await life.child.stop(GRACE)
            if life.reading:
                await life.reading

    async def settle(self) -> None:
        """After a failure: end a process that does not answer, so that the next request starts another."""
        life = self._life
        if life is None or not life.ready.done() or life.ready.exception():
            return
        try:
            healthy = (await life.ready.result().get("/health", timeout=HEALTHY)).is_success
        except (httpx.HTTPError, RuntimeError):  # httpx raises the latter for a client that was closed meanwhile
            healthy = False
        if not healthy:
            await life.child.kill()
            if life.reading:
                await asyncio.shield(life.reading)

    async def _load(self, client: httpx.AsyncClient, model: ModelSpec) -> None:
        try:
            answer = await client.post(
                "/v1/load_lora_adapter", json={"lora_name": model.uri, "lora_path": str(model.ref["path"])}
            )
        except httpx.TransportError as error:
            raise _lost(str(error)) from error
        if answer.status_code != 200:
            raise Unservable(f"vLLM refused the adapter: {answer.text[:500]}", field="model")

    async def _start(self) -> None:
        """Start a process, later each time that one did not come up."""
        if self._failed:
            await asyncio.sleep(min(2.0**self._failed, SLOWEST_RETRY))
        folder = self._resources.scratch / "inference"
        folder.mkdir(parents=True, exist_ok=True)
        key = secrets.token_urlsafe(32)
        kept = {name: value for name, value in os.environ.items() if name.startswith("VLLM_")}
        if self._place != EVERYWHERE:
            kept["CUDA_VISIBLE_DEVICES"] = self._place
        spec = {"command": self._command, "key": key, "env": kept}
        with within(Context()):
            child = await self._resources.engines.launch(TARGET, spec, cwd=folder, requires=())
        self._life = _Life(child, key, asyncio.get_running_loop().create_future())
        self._life.ready.add_done_callback(lambda ready: ready.cancelled() or ready.exception())
        self._life.reading = asyncio.create_task(self._read(self._life))

    async def _read(self, life: _Life) -> None:
        """Follow a process to its end."""
        detail = "it was ended"
        async for message in life.child.messages():
            match message["kind"]:
                case "ready":
                    self._failed, life.context, life.pid = 0, message["context"], message["pid"]
                    life.ready.set_result(_client(message["port"], life.key))
                case "loading":
                    log.info("vllm_starting", model=self.path, seconds=message["seconds"])
                case "failed":
                    detail = message["detail"]
                case "log":
                    log.info("engine_said", engine="vllm", message=message["message"])
        await self._ended(life, detail)

    async def _ended(self, life: _Life, detail: str) -> None:
        log.warning("engine_ended", engine="vllm", model=self.path, detail=detail)
        self._life = None
        if life.ready.done():
            await life.ready.result().aclose()
            return
        self._failed += 1
        if self._failed >= CANNOT_LOAD:
            life.ready.set_exception(Unservable(f"vLLM does not start with this model: {detail}", field="model"))
        else:
            life.ready.set_exception(_lost(detail))


def _lost(how: str) -> EngineLost:
    return EngineLost(f"vLLM ended ({how}).", remedy="Send the request again; vLLM is started anew.")


def _client(port: int, key: str) -> httpx.AsyncClient:
    return httpx.AsyncClient(
        base_url=f"http://127.0.0.1:{port}",
        headers={"Authorization": f"Bearer {key}"},
        timeout=httpx.Timeout(120, connect=5),
        limits=httpx.Limits(max_connections=None),
        trust_env=False,
    )


def weight_of(folder: Path) -> int:
    """Bytes of the weights in a folder."""
    return sum(path.stat().st_size for path in folder.glob("*.safetensors"))
