"""The service's side of its engines: launch through a forkserver, within limits and places."""

from __future__ import annotations

import asyncio
import importlib.util
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from shared.runtime.errors import AnnealError
from shared.runtime.processes.child import Child as Child
from shared.runtime.processes.child import Exit as Exit
from shared.runtime.processes.cpu_limit import usable_cpus
from shared.runtime.processes.forkserver import ForkServer, clean_environment
from shared.runtime.processes.limits import BESIDE_ANSWERS, DefaultLimits, Limits, Sandbox, held_beside
from shared.runtime.processes.machine import gpus
from shared.runtime.processes.turns import Turns
from shared.runtime.telemetry.engine_spans import EngineSpan

SHORT_ENGINES = max(2, usable_cpus())
"""Maximum concurrent engines of requests (checks, previews, counts); projects take turns."""


class EngineUnavailable(AnnealError):
    """This installation lacks the packages that the engine needs."""

    status = 503
    code = "engine_unavailable"


class Engines:
    """Starts engines in forks of a forkserver that has imported what they need: torch, a tokenizer, or nothing."""

    def __init__(self, limits: DefaultLimits | None = None) -> None:
        self._limits, self._sandbox = limits or DefaultLimits(), Sandbox()
        self._parents: dict[str, ForkServer] = {}
        """By what they have imported: torch, tokenizer, nothing, or the module of an engine (preload_alone)."""
        self._preloaded: list[str] = []
        self._alone: set[str] = set()
        self._starting = asyncio.Lock()
        self._short = Turns(SHORT_ENGINES)

    def preload(self, target: str) -> None:
        """Let forkservers that start from now on import this engine too.

        Its module must not start threads or run tensor operations at import.
        """
        self._preloaded.append(target.partition(":")[0])

    def preload_alone(self, target: str) -> None:
        """Let launches of this engine that need no torch and no tokenizer take forks of a process that imported it.

        It starts at the first of them. The same holds for the module as above.
        """
        self._alone.add(target.partition(":")[0])

    def forkserver_pid(self, imports: str = "torch") -> int | None:
        """The process id of the forkserver with these imports; None where it has not been started."""
        return self._parents[imports].pid if imports in self._parents else None

    async def missing_limits(self) -> list[str]:
        """Limits of engines that this machine does not allow, such as "no network namespace"."""
        return await self._sandbox.missing()

    async def held_limits(self) -> list[str]:
        """Limits of engines that hold on this machine."""
        return held_beside(await self._sandbox.missing())

    async def start(self) -> None:
        """Spawn the forkserver and return; its imports go on meanwhile, and a launch waits for them."""
        await self._parent("torch")

    async def close(self) -> None:
        """End all engines and their parents."""
        while self._parents:
            await self._parents.popitem()[1].close()

    async def launch(
        self,
        target: str,
        spec: Mapping[str, Any],
        *,
        cwd: Path,
        env: Mapping[str, str] | None = None,
        requires: Sequence[str] = ("torch", "transformers", "peft"),
        limits: Limits = Limits(),
        short_for: str | None = None,
    ) -> Child:
        """Start `target` ("package.module:function") with `spec` in the existing folder `cwd`, within its `limits`.

        The child's environment is a short list of harmless variables plus `env`. Raises EngineUnavailable where
        one of the packages it `requires` is not installed. What needs transformers only takes a fork that
        has torch imported too, where there is one. With `short_for`, the project whose request waits for it, it counts
        among SHORT_ENGINES until its exit, so its caller must not launch another one meanwhile.
        """
        if missing := [name for name in requires if importlib.util.find_spec(name) is None]:
            raise EngineUnavailable(
                f"this needs {', '.join(missing)}, and this is a light installation",
                remedy='pip install "anneal[engine]"' if missing != ["ray"] else 'pip install "anneal[engine,ray]"',
            )
        env = {**clean_environment(), **(env or {})}
        if short_for is not None:
            limits = replace(limits, nice=BESIDE_ANSWERS)
        confined = self._limits.resolve(limits, cwd, uses_gpu=env.get("CUDA_VISIBLE_DEVICES") != "" and bool(gpus()))
        request = {"target": target, "cwd": str(cwd), "env": env, "limits": confined}
        span = EngineSpan(target)
        imports = self._imports(requires, target.partition(":")[0])
        if short_for is not None:
            await self._short.acquire(short_for)
        starting = asyncio.create_task(self._launch(request, spec, span, imports))
        if short_for is not None:
            starting.add_done_callback(partial(self._release_short, short_for))
        try:
            return await asyncio.shield(starting)
        except asyncio.CancelledError:
            starting.add_done_callback(_abandon)
            raise

    def _release_short(self, project: str, starting: asyncio.Task[Child]) -> None:
        """Release the place of a launch that failed, or at the exit of its child."""
        if starting.cancelled() or starting.exception():
            self._short.release(project)
        else:
            starting.result().on_exit(lambda: self._short.release(project))

    def _imports(self, requires: Sequence[str], module: str) -> str:
        if "torch" in requires or ("transformers" in requires and "torch" in self._parents):
            return "torch"
        if "transformers" in requires:
            return "tokenizer"
        return module if module in self._alone else "nothing"

    async def _launch(self, request: dict[str, Any], spec: Mapping[str, Any], span: EngineSpan, imports: str) -> Child:
        """Launch, once more if the parent died under the request; the spec is the first command."""
        parent = await self._parent(imports)
        try:
            child = await parent.launch(request, span)
        except ConnectionError:
            await parent.ended()  # or the next one would be this one again
            child = await (await self._parent(imports)).launch(request, span)
        await child.send(spec)
        return child

    async def _parent(self, imports: str) -> ForkServer:
        async with self._starting:
            if imports not in self._parents or self._parents[imports].gone:
                if imports in self._alone:
                    arguments = ["nothing", imports]
                else:
                    arguments = [imports, *(self._preloaded if imports == "torch" else ())]
                self._parents[imports] = await ForkServer.spawn(arguments)
            return self._parents[imports]


def _abandon(starting: asyncio.Task[Child]) -> None:
    """End a child whose launch was cancelled by closing its lifeline."""
    if not starting.cancelled() and starting.exception() is None:
        starting.result().abandon()
