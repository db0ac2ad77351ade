"""One vLLM server process for one base model: starts on first use, restarts after a crash, loads adapters on demand."""

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
from services.inference.vllm.placement import ANY_DEVICE
from shared.runtime.processes.children import Child
from shared.runtime.processes.limits import Limits
from shared.runtime.resources import Resources
from shared.runtime.telemetry.tracing import within

log = structlog.get_logger(__name__)

ENGINE_TARGET = "services.inference.engine.vllm_launcher:main"
LIMITS = Limits(network="open", own_files=False)
"""The server listens on this machine's loopback address, and has a Python environment and caches of its own."""
SHUTDOWN_GRACE_S = 15.0
HEALTH_TIMEOUT_S = 5.0
"""Seconds within which a healthy server responds."""
CONNECT_TIMEOUT_S = 5.0
MAX_LORA_RANK = 64
BASE_MODEL_NAME = "base"
"""The served model name of the base model; adapters are named by their uri."""
MAX_RESTART_DELAY_S = 30.0
MAX_FAILED_STARTS = 2
"""Consecutive failed starts after which the model counts as unsupported."""
LORA_OPTIONS = ("--enable-lora", "--max-loras", "8", "--max-lora-rank", str(MAX_LORA_RANK))


class VllmCannotServe(ModelRefused):
    """vLLM cannot serve this model, but another engine may."""

    code = "vllm_cannot_serve"


@dataclass
class _ServerProcess:
    """One server process: its client, and the models loaded into it."""

    child: Child
    key: str
    client: asyncio.Future[httpx.AsyncClient]
    reader: asyncio.Task[None] | None = None
    max_model_len: int = 0
    pid: int = 0
    models: dict[str, int] = field(default_factory=dict)
    """uri -> size in bytes, of the requested models."""
    adapters: set[str] = field(default_factory=set)
    """The uris among them that are adapters."""


class VllmServer:
    """Keeps the server of one model folder running, on a `device` (placement.py).

    `command` is a shell command without `--model`.
    """

    def __init__(self, resources: Resources, command: str, path: str, device: str = ANY_DEVICE) -> None:
        self._resources, self.path, self._device = resources, path, device
        self._command = [*shlex.split(command), "--model", path, "--served-model-name", BASE_MODEL_NAME]
        self._command += ["--generation-config", "vllm", *LORA_OPTIONS]
        self._process: _ServerProcess | None = None
        self._lock = asyncio.Lock()
        self._failed_starts = 0
        self._size = weights_size(Path(path))
        self.open_requests = 0
        """Requests that run or are queued."""
        self.last_token_at = 0.0
        """On this process's clock, for any request."""

    @property
    def state(self) -> EngineState:
        """Whether the server is ready."""
        if self._process is None:
            return "idle"
        return "ready" if self._process.client.done() else "starting"

    @property
    def models(self) -> Mapping[str, int]:
        """Size in bytes of each loaded model by uri; an adapter's excludes the base model."""
        return self._process.models if self._process else {}

    @property
    def memory(self) -> int:
        """Size in bytes of all loaded weights."""
        return self._size + sum(self._process.models[uri] for uri in self._process.adapters) if self._process else 0

    @property
    def max_model_len(self) -> int:
        """The maximum sequence length in tokens."""
        return self._process.max_model_len if self._process else 0

    @property
    def pid(self) -> int | None:
        """The process id of the server."""
        return self._process.pid or None if self._process else None

    async def ready(self) -> httpx.AsyncClient:
        """Return a client of the running server. Raises VllmCannotServe if it cannot start, EngineLost if it dies."""
        async with self._lock:
            if self._process is None:
                await self._start()
            process = self._process
        assert process
        return await asyncio.shield(process.client)

    async def attach(self, model: ModelSpec) -> str:
        """Load the model if necessary and return its served model name. Raises VllmCannotServe."""
        client = await self.ready()
        async with self._lock:
            process = self._process
            if process is None:
                raise _engine_lost("it stopped")
            if model.ref["kind"] != "adapter":
                process.models[model.uri] = self._size
                return BASE_MODEL_NAME
            if model.uri not in process.adapters:
                await self._load_adapter(client, model)
                process.adapters.add(model.uri)
                process.models[model.uri] = weights_size(Path(model.ref["path"]))
        return model.uri

    async def detach(self, uri: str) -> None:
        """Unload an adapter."""
        async with self._lock:
            if not self._process or self._process.models.pop(uri, None) is None:
                return
            if uri in self._process.adapters:
                self._process.adapters.remove(uri)
                client = await asyncio.shield(self._process.client)
                await client.post("/v1/unload_lora_adapter", json={"lora_name": uri})

    async def close(self) -> None:
        """Stop the server."""
        if (process := self._process) is not None:
            await process.child.stop(SHUTDOWN_GRACE_S)
            if process.reader:
                await process.reader

    async def kill_if_unhealthy(self, *, hangs: bool) -> None:
        """Kill a process that `hangs` or does not respond, so that the next request starts another one.

        Its health says nothing about its loop: a server whose engine hangs responds.
        """
        process = self._process
        if process is None or not process.client.done() or process.client.exception():
            return
        try:
            healthy = (await process.client.result().get("/health", timeout=HEALTH_TIMEOUT_S)).is_success
        except (httpx.HTTPError, RuntimeError):  # httpx raises RuntimeError if the client was closed meanwhile
            healthy = False
        if hangs or not healthy:
            await process.child.kill()
            if process.reader:
                await asyncio.shield(process.reader)

    async def _load_adapter(self, client: httpx.AsyncClient, model: ModelSpec) -> None:
        try:
            response = await client.post(
                "/v1/load_lora_adapter", json={"lora_name": model.uri, "lora_path": str(model.ref["path"])}
            )
        except httpx.TransportError as error:
            raise _engine_lost(str(error)) from error
        if response.status_code != 200:
            raise VllmCannotServe(f"vLLM rejected the adapter: {response.text[:500]}", field="model")

    async def _start(self) -> None:
        """Start a process, with a growing delay after failed starts."""
        if self._failed_starts:
            await asyncio.sleep(min(2.0**self._failed_starts, MAX_RESTART_DELAY_S))
        folder = self._resources.scratch / "inference"
        folder.mkdir(parents=True, exist_ok=True)
        key = secrets.token_urlsafe(32)
        environment = {name: value for name, value in os.environ.items() if name.startswith("VLLM_")}
        if self._device != ANY_DEVICE:
            environment["CUDA_VISIBLE_DEVICES"] = self._device
        spec = {"command": self._command, "key": key, "env": environment}
        with within(Context()):
            child = await self._resources.engines.launch(ENGINE_TARGET, spec, cwd=folder, requires=(), limits=LIMITS)
        self._process = _ServerProcess(child, key, asyncio.get_running_loop().create_future())
        self._process.client.add_done_callback(lambda client: client.cancelled() or client.exception())
        self._process.reader = asyncio.create_task(self._read(self._process))

    async def _read(self, process: _ServerProcess) -> None:
        """Read a process's messages until it ends."""
        detail = "it was stopped"
        async for message in process.child.messages():
            match message["kind"]:
                case "ready":
                    self._failed_starts, process.max_model_len, process.pid = 0, message["context"], message["pid"]
                    process.client.set_result(_client(message["port"], process.key))
                case "loading":
                    log.info("vllm_starting", model=self.path, seconds=message["seconds"])
                case "failed":
                    detail = message["detail"]
                case "log":
                    log.info("engine_log", engine="vllm", message=message["message"])
        await self._handle_exit(process, detail)

    async def _handle_exit(self, process: _ServerProcess, detail: str) -> None:
        log.warning("engine_ended", engine="vllm", model=self.path, detail=detail)
        self._process = None
        if process.client.done():
            await process.client.result().aclose()
            return
        self._failed_starts += 1
        if self._failed_starts >= MAX_FAILED_STARTS:
            process.client.set_exception(
                VllmCannotServe(f"vLLM does not start with this model: {detail}", field="model")
            )
        else:
            process.client.set_exception(_engine_lost(detail))


def _engine_lost(cause: str) -> EngineLost:
    return EngineLost(f"vLLM ended ({cause}).", remedy="Send the request again; vLLM restarts.")


def _client(port: int, key: str) -> httpx.AsyncClient:
    return httpx.AsyncClient(
        base_url=f"http://127.0.0.1:{port}",
        headers={"Authorization": f"Bearer {key}"},
        timeout=httpx.Timeout(120, connect=CONNECT_TIMEOUT_S),
        limits=httpx.Limits(max_connections=None),
        trust_env=False,
    )


def weights_size(folder: Path) -> int:
    """Return the size in bytes of the weights in a folder."""
    return sum(path.stat().st_size for path in folder.glob("*.safetensors"))
