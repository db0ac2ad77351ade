"""Serving on vLLM: one server per base model, adapters of that base in it, the least recently used server leaves."""

import json
from collections import OrderedDict
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import aclosing
from pathlib import Path
from typing import Any

import httpx
import structlog

from services.inference.errors import EngineBusy, EngineLost, refusal
from services.inference.protocol import Begun, Facts, Generation, ModelSpec, Rendered, Sampling, Text
from services.inference.retry import resent
from services.inference.vllm.merging import Merger
from services.inference.vllm.placement import Free, roomiest
from services.inference.vllm.server import MOST_RANK, VllmServer, weight_of
from services.inference.vllm.stream import body, texts

log = structlog.get_logger(__name__)

Render = Callable[[ModelSpec, Mapping[str, Any]], Awaitable[Rendered]]
"""Token ids by the model's own template: the transformers engine's, which loads no weights for it."""
Start = Callable[[str, str], VllmServer]
"""A server for the weights in a folder, at a place."""
MOST_OPEN = 128
"""Requests that run or wait on one server; the next one is told to come back."""
EMBEDDINGS = frozenset(("embed_tokens", "lm_head", "wte", "embed_in", "embed_out"))
GREEDY = Sampling(temperature=0, top_p=1, top_k=0, repetition_penalty=1, seed=None)


class VllmEngine:
    """The `Engine` over at most `most` servers, each with a model of its own, where there is room in `free` memory."""

    def __init__(self, start: Start, render: Render, merger: Merger, free: Free, most: int) -> None:
        self._start, self._render, self._merger, self._free, self._most = start, render, merger, free, most
        self._servers: OrderedDict[str, VllmServer] = OrderedDict()
        """By the path of their weights, the least recently used first."""
        self._pinned: dict[str, str] = {}
        """uri -> path of its server's weights."""

    def generate(self, generation: Generation) -> AsyncIterator[Begun | Text]:
        """`Begun`, then texts. Raises Unservable."""
        return resent(lambda: self._asked(generation))

    async def load(self, model: ModelSpec, *, pinned: bool = False) -> None:
        """Start its server, attach it, decode a first token."""
        if pinned:
            self._pinned[model.uri] = _weights(await self._fitting(model))
        else:
            self._pinned.pop(model.uri, None)
        async with aclosing(self.generate(Generation(model, GREEDY, prompts=["Hello"], max_tokens=1))) as messages:  # type: ignore[type-var]
            async for _ in messages:
                pass

    async def unload(self, uri: str) -> None:
        """Detach an adapter; a server whose own model it is stays for its adapters until room is needed."""
        self._pinned.pop(uri, None)
        for server in self._servers.values():
            await server.detach(uri)
        await self._merger.forget(uri)

    def facts(self) -> Facts:
        """What the servers hold."""
        servers = self._servers.values()
        states = {server.state for server in servers}
        models = {uri: size for server in servers for uri, size in server.models.items()}
        memory = sum(server.memory for server in servers if server.state == "ready")
        return Facts("ready" if "ready" in states else "starting" if "starting" in states else "idle", memory, models)

    def pid(self, model: ModelSpec) -> int | None:
        """The process that serves a model."""
        return next((server.pid for server in self._servers.values() if model.uri in server.models), None)

    async def close(self) -> None:
        """End all servers."""
        while self._servers:
            await self._servers.popitem()[1].close()

    async def _asked(self, generation: Generation) -> AsyncIterator[Begun | Text]:
        rendered = await self._render(generation.model, generation.prompt)
        model = await self._fitting(generation.model)
        server = await self._server(model)
        if server.open >= MOST_OPEN:
            raise EngineBusy("Too many requests wait already.", limit=MOST_OPEN, remedy="Try again in a few seconds.")
        server.open += 1
        try:
            name = await server.attach(model)
            client = await server.ready()
            async with aclosing(
                _streamed(client, generation, body(generation, name, rendered, server.context))
            ) as told:  # type: ignore[type-var]
                async for message in told:
                    yield message
        except EngineLost:
            await server.settle()
            raise
        finally:
            server.open -= 1

    async def _fitting(self, model: ModelSpec) -> ModelSpec:
        """The model, merged into its base if vLLM cannot apply its adapter. Raises Unservable."""
        reason = why_not(model)
        return await self._merger.merged(model, reason) if reason else model

    async def _server(self, model: ModelSpec) -> VllmServer:
        """The server for a model's base. Raises EngineBusy where none may leave for it."""
        path = _weights(model)
        if path not in self._servers:
            self._servers[path] = self._start(path, await self._room(weight_of(Path(path))))
        self._servers.move_to_end(path)
        return self._servers[path]

    async def _room(self, weights: int) -> str:
        """A place for a server with weights of so many bytes; those that were not used for long leave for it."""
        while len(self._servers) >= self._most:
            await self._let_go("All vLLM servers are in use or pinned.", "ANNEAL_VLLM_ENGINES", self._most)
        while (place := roomiest(free := self._free(), weights)) is None:
            short = f"vLLM has no room for {weights:,} bytes of weights and their cache."
            await self._let_go(short, "the memory", max(free.values()))
        return place

    async def _let_go(self, without: str, more: str, limit: int) -> None:
        """End the least recently used server that nobody uses and nobody pinned; raises EngineBusy `without` one."""
        pinned = set(self._pinned.values())
        idle = [path for path, server in self._servers.items() if not server.open and path not in pinned]
        if not idle:
            raise EngineBusy(without, limit=limit, remedy=f"Undeploy a model, or raise {more}.")
        await self._servers.pop(idle[0]).close()


async def _streamed(
    client: httpx.AsyncClient, generation: Generation, request: Mapping[str, Any]
) -> AsyncIterator[Begun | Text]:
    """One request's answer; closing it ends the work. Raises EngineLost when the server goes before all is told."""
    left, begun = generation.choices, False
    try:
        async with client.stream("POST", "/v1/completions", json=request) as response:
            if response.status_code != 200:
                detail = (await response.aread()).decode("utf-8", "replace")[:500]
                raise refusal({"code": "vllm_refused", "detail": f"vLLM refused the request: {detail}"})
            async for text in texts(response, generation.logprobs):
                if not begun:
                    begun = True
                    yield Begun(sum(map(len, request["prompt"])))
                left -= text.finish is not None
                yield text
    except (httpx.TransportError, httpx.StreamError, RuntimeError) as error:
        raise _lost() from error
    if left:
        raise _lost()


def _lost() -> EngineLost:
    return EngineLost("vLLM ended under this request.", remedy="Send the request again; vLLM is started anew.")


def _weights(model: ModelSpec) -> str:
    """Where the full weights lie that a model stands on."""
    return str((model.ref["base"] if model.ref["kind"] == "adapter" else model.ref)["path"])


def why_not(model: ModelSpec) -> str | None:
    """Why vLLM cannot serve this adapter beside others; None where it can, and for full weights."""
    if model.ref["kind"] != "adapter":
        return None
    if model.ref["base"]["kind"] == "adapter":
        return "its base is itself an adapter"
    config = json.loads((Path(model.ref["path"]) / "adapter_config.json").read_text())
    rank = max([config.get("r") or 0, *(config.get("rank_pattern") or {}).values()])
    if rank > MOST_RANK:
        return f"its rank is {rank}, and vLLM is started for at most {MOST_RANK}"
    if config.get("peft_type") != "LORA":
        return f"it is {config.get('peft_type')} and not LoRA"
    targets = config.get("target_modules") or ()
    if not isinstance(targets, str) and (outside := EMBEDDINGS & {name.rpartition(".")[2] for name in targets}):
        return f"it changes {', '.join(sorted(outside))}"
    unknown = ("modules_to_save", "use_dora", "trainable_token_indices", "target_parameters", "alpha_pattern")
    if found := [name for name in unknown if config.get(name)]:
        return f"it has {', '.join(found)}"
    return "it has biases" if config.get("bias", "none") != "none" else None
