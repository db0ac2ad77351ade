"""The vLLM engine: one server per base model and its adapters. The least recently used server is evicted."""

import asyncio
import json
import time
from collections import OrderedDict
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import aclosing
from pathlib import Path
from typing import Any

import httpx
import structlog

from services.inference.errors import EngineBusy, EngineLost, error_from_engine
from services.inference.protocol import (
    EngineStatus,
    GenerationRequest,
    ModelSpec,
    RenderedPrompts,
    SamplingParams,
    Started,
    TextDelta,
)
from services.inference.quarantine import Quarantine
from services.inference.retry import retry_unstarted
from services.inference.vllm.merging import AdapterMerger
from services.inference.vllm.placement import DeviceMemoryProbe, pick_device
from services.inference.vllm.server import CONNECT_TIMEOUT_S, MAX_LORA_RANK, VllmServer, weights_size
from services.inference.vllm.wire_format import parse_stream, request_body

log = structlog.get_logger(__name__)

RenderPrompts = Callable[[GenerationRequest], Awaitable[RenderedPrompts]]
"""Renders token ids with the model's template, in the transformers engine, which loads no weights for it."""
StartServer = Callable[[str, str], VllmServer]
"""Creates a server from a weights folder and a device."""
MAX_OPEN_REQUESTS = 128
"""Requests that run or are queued on one server; further requests get EngineBusy."""
EMBEDDING_MODULES = frozenset(("embed_tokens", "lm_head", "wte", "embed_in", "embed_out"))
SILENCE_LIMIT_S = 120.0
"""Seconds without a token for any request after which a server hangs; a long prompt extends them."""
PROMPT_TOKENS_PER_S = 100.0
GREEDY = SamplingParams(temperature=0, top_p=1, top_k=0, repetition_penalty=1, seed=None)


class VllmEngine:
    """An `Engine` over at most `max_servers` vLLM servers, each with its own base model, placed in free memory."""

    def __init__(
        self,
        start_server: StartServer,
        render: RenderPrompts,
        merger: AdapterMerger,
        free_memory: DeviceMemoryProbe,
        max_servers: int,
    ) -> None:
        self._start_server, self._render, self._merger = start_server, render, merger
        self._free_memory, self._max_servers = free_memory, max_servers
        self._servers: OrderedDict[str, VllmServer] = OrderedDict()
        """By path of the weights, least recently used first."""
        self._placing = asyncio.Lock()
        """Held while a server is placed: requests at the same time for one new model share its server."""
        self._quarantine = Quarantine()
        self._pinned: dict[str, str] = {}
        """uri -> path of its server's weights."""

    def generate(self, generation: GenerationRequest) -> AsyncIterator[Started | TextDelta]:
        """Yield `Started`, then text deltas. Raises VllmCannotServe."""
        return retry_unstarted(lambda: self._generate_once(generation))

    async def load(self, model: ModelSpec, *, pinned: bool = False) -> None:
        """Start the model's server, attach the model, and decode one token."""
        if pinned:
            self._pinned[model.uri] = _weights_path(await self._merge_if_needed(model))
        else:
            self._pinned.pop(model.uri, None)
        async with aclosing(
            self.generate(GenerationRequest("", model, GREEDY, prompts=["Hello"], max_tokens=1))
        ) as messages:  # type: ignore[type-var]
            async for _ in messages:
                pass

    async def unload(self, uri: str) -> None:
        """Detach an adapter. A server whose base model is unloaded serves its adapters until its memory is needed."""
        self._pinned.pop(uri, None)
        self._quarantine.release(uri)
        for server in self._servers.values():
            await server.detach(uri)
        await self._merger.delete(uri)

    def status(self) -> EngineStatus:
        """Return the combined status of the servers."""
        servers = self._servers.values()
        states = {server.state for server in servers}
        models = {uri: size for server in servers for uri, size in server.models.items()}
        memory = sum(server.memory for server in servers if server.state == "ready")
        return EngineStatus(
            "ready" if "ready" in states else "starting" if "starting" in states else "idle", memory, models
        )

    def pid(self, model: ModelSpec) -> int | None:
        """Return the process id of the server of a model."""
        return next((server.pid for server in self._servers.values() if model.uri in server.models), None)

    async def close(self) -> None:
        """Stop all servers."""
        while self._servers:
            await self._servers.popitem()[1].close()

    async def _generate_once(self, generation: GenerationRequest) -> AsyncIterator[Started | TextDelta]:
        self._quarantine.require_free(generation.model.uri)
        rendered = await self._render(generation)
        limit_s = SILENCE_LIMIT_S + sum(map(len, rendered.prompts)) / PROMPT_TOKENS_PER_S
        model = await self._merge_if_needed(generation.model)
        server = await self._server(model)
        if server.open_requests >= MAX_OPEN_REQUESTS:
            raise EngineBusy(
                "Too many requests are queued.", limit=MAX_OPEN_REQUESTS, remedy="Try again in a few seconds."
            )
        server.open_requests += 1
        try:
            name = await server.attach(model)
            client = await server.ready()
            async with aclosing(
                _streamed(client, generation, request_body(generation, name, rendered, server.max_model_len), limit_s)
            ) as messages:  # type: ignore[type-var]
                async for message in messages:
                    server.last_token_at = time.monotonic()
                    yield message
        except EngineLost as error:
            silent = isinstance(error.__cause__, httpx.ReadTimeout)
            if hangs := silent and time.monotonic() - server.last_token_at >= limit_s:
                self._quarantine.report_hang([generation.model.uri], limit_s)
            await server.kill_if_unhealthy(hangs=hangs)
            raise
        finally:
            server.open_requests -= 1

    async def _merge_if_needed(self, model: ModelSpec) -> ModelSpec:
        """Return the model, merged into its base model if vLLM cannot apply its adapter. Raises VllmCannotServe."""
        reason = unsupported_reason(model)
        return await self._merger.merge(model, reason) if reason else model

    async def _server(self, model: ModelSpec) -> VllmServer:
        """Return the server of a model's base model, started if necessary. Raises EngineBusy if memory is short."""
        path = _weights_path(model)
        async with self._placing:
            if path not in self._servers:
                self._servers[path] = self._start_server(path, await self._free_device(weights_size(Path(path))))
            self._servers.move_to_end(path)
            return self._servers[path]

    async def _free_device(self, size: int) -> str:
        """Return a device with `size` bytes free for weights; evict least recently used servers if necessary."""
        while len(self._servers) >= self._max_servers:
            await self._evict_server("All vLLM servers are in use or pinned.", "ANNEAL_VLLM_ENGINES", self._max_servers)
        while (device := pick_device(free := self._free_memory(), size)) is None:
            detail = f"vLLM does not have enough memory for {size:,} bytes of weights and their KV cache."
            await self._evict_server(detail, "the memory", max(free.values()))
        return device

    async def _evict_server(self, detail: str, resource: str, limit: int) -> None:
        """Stop the least recently used server that is idle and not pinned. Raises EngineBusy if there is none."""
        pinned = set(self._pinned.values())
        idle = [path for path, server in self._servers.items() if not server.open_requests and path not in pinned]
        if not idle:
            raise EngineBusy(detail, limit=limit, remedy=f"Undeploy a model, or increase {resource}.")
        await self._servers.pop(idle[0]).close()


async def _streamed(
    client: httpx.AsyncClient, generation: GenerationRequest, request: Mapping[str, Any], limit_s: float
) -> AsyncIterator[Started | TextDelta]:
    """Stream one request; closing the iterator cancels it. Raises EngineLost if the server dies before the end."""
    unfinished, has_started = generation.choices, False
    try:
        timeout = httpx.Timeout(limit_s, connect=CONNECT_TIMEOUT_S)
        async with client.stream("POST", "/v1/completions", json=request, timeout=timeout) as response:
            if response.status_code != 200:
                detail = (await response.aread()).decode("utf-8", "replace")[:500]
                raise error_from_engine({"code": "vllm_refused", "detail": f"vLLM rejected the request: {detail}"})
            async for delta in parse_stream(response, generation.logprobs):
                if not has_started:
                    has_started = True
                    yield Started(sum(map(len, request["prompt"])))
                unfinished -= delta.finish_reason is not None
                yield delta
    except (httpx.TransportError, httpx.StreamError, RuntimeError) as error:
        raise _engine_lost() from error
    if unfinished:
        raise _engine_lost()


def _engine_lost() -> EngineLost:
    return EngineLost("vLLM ended during this request.", remedy="Send the request again; vLLM restarts.")


def _weights_path(model: ModelSpec) -> str:
    """Return the path of the full weights: the model's own, or its adapter's base model's."""
    return str((model.ref["base"] if model.ref["kind"] == "adapter" else model.ref)["path"])


def unsupported_reason(model: ModelSpec) -> str | None:
    """Return why vLLM cannot apply this adapter; None if it can, and for full weights."""
    if model.ref["kind"] != "adapter":
        return None
    if model.ref["base"]["kind"] == "adapter":
        return "its base is itself an adapter"
    config = json.loads((Path(model.ref["path"]) / "adapter_config.json").read_text())
    rank = max([config.get("r") or 0, *(config.get("rank_pattern") or {}).values()])
    if rank > MAX_LORA_RANK:
        return f"its rank is {rank}, and the maximum is {MAX_LORA_RANK}"
    if config.get("peft_type") != "LORA":
        return f"it is {config.get('peft_type')} and not LoRA"
    targets = config.get("target_modules") or ()
    names = () if isinstance(targets, str) else (name.rpartition(".")[2] for name in targets)
    if embeddings := EMBEDDING_MODULES.intersection(names):
        return f"it changes {', '.join(sorted(embeddings))}"
    unsupported = ("modules_to_save", "use_dora", "trainable_token_indices", "target_parameters", "alpha_pattern")
    if found := [name for name in unsupported if config.get(name)]:
        return f"it has {', '.join(found)}"
    return "it has trained biases" if config.get("bias", "none") != "none" else None
