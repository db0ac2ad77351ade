"""Runs a training engine in its own process, without a service, and records the messages it reports."""

from __future__ import annotations

import asyncio
import os
import select
import signal
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from services.training.workers.launchers import LOCAL, RAY_ENGINE, REMOTE
from shared.runtime.processes.children import Child, Engines, Exit

TIMEOUT_S = 180
"""Upper bound for runs that take a few seconds on an idle machine."""
Action = Callable[[Child], Awaitable[None] | None]


@dataclass
class EngineRun:
    """The messages and the exit of a finished engine."""

    messages: list[dict[str, Any]] = field(default_factory=list)
    exit: Exit | None = None

    def of_kind(self, kind: str) -> list[dict[str, Any]]:
        """Return the messages of one kind."""
        return [message for message in self.messages if message["kind"] == kind]

    def losses(self) -> dict[int, float]:
        """Return the training loss by step."""
        return {message["step"]: message["loss"] for message in self.of_kind("metric")}

    @property
    def result(self) -> dict[str, Any]:
        """The result, which must be the last message."""
        assert self.messages[-1]["kind"] == "result", self.messages[-3:]
        return self.messages[-1]


async def run_engine(
    engines: Engines,
    target: str,
    spec: dict[str, Any],
    *,
    env: dict[str, str] | None = None,
    at_step: int = 0,
    action: Action | None = None,
) -> EngineRun:
    """Run an engine until it exits; call `action` after the metric of `at_step` (0: after the `settled` message)."""
    Path(spec["workdir"]).mkdir(parents=True, exist_ok=True)
    found, limits = EngineRun(), REMOTE if target == RAY_ENGINE else LOCAL
    async with asyncio.timeout(TIMEOUT_S):
        child = await engines.launch(target, spec, cwd=Path(spec["workdir"]), env=env, limits=limits)
        try:
            async for message in child.messages():
                found.messages.append(message)
                reached = message["kind"] == ("metric" if at_step else "settled") and message.get("step", 0) == at_step
                if reached and action and (pending := action(child)):
                    await pending
            found.exit = await child.wait()
        finally:
            await child.kill()
    return found


def child_pids(pid: int) -> list[int]:
    """Return the ids of the running child processes of `pid`."""
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def kill_process(pid: int) -> None:
    """Send SIGKILL to `pid`."""
    os.kill(pid, signal.SIGKILL)


def processes_ended(*pids: int) -> bool:
    """Whether all these processes exit within a minute; they need not be our children. A zombie counts as exited."""
    for pid in pids:
        try:
            handle = os.pidfd_open(pid)
        except ProcessLookupError:
            continue
        done, _, _ = select.select([handle], [], [], 60)
        os.close(handle)
        if not done:
            return False
    return True
