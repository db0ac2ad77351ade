"""A training engine in a process of its own, without a room: what it said, and what was done to it meanwhile."""

from __future__ import annotations

import asyncio
import os
import select
import signal
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from shared.runtime.processes.children import Child, Engines, Exit

LIMIT = 180
"""Seconds for what takes a few when the machine is idle."""
Interference = Callable[[Child], Awaitable[None] | None]


@dataclass
class Watched:
    """A run that has ended."""

    messages: list[dict[str, Any]] = field(default_factory=list)
    exit: Exit | None = None

    def of(self, kind: str) -> list[dict[str, Any]]:
        """The messages of a kind."""
        return [message for message in self.messages if message["kind"] == kind]

    def losses(self) -> dict[int, float]:
        """Training loss by step."""
        return {message["step"]: message["loss"] for message in self.of("metric")}

    @property
    def result(self) -> dict[str, Any]:
        """Its last word, where that is a result."""
        assert self.messages[-1]["kind"] == "result", self.messages[-3:]
        return self.messages[-1]


async def watched(
    engines: Engines,
    target: str,
    spec: dict[str, Any],
    *,
    env: dict[str, str] | None = None,
    at: int = 0,
    do: Interference | None = None,
) -> Watched:
    """Run it to its end; `do` what is to be done once it has reported step `at`, or at 0 all that is settled."""
    Path(spec["workdir"]).mkdir(parents=True, exist_ok=True)
    found = Watched()
    async with asyncio.timeout(LIMIT):
        child = await engines.launch(target, spec, cwd=Path(spec["workdir"]), env=env)
        try:
            async for message in child.messages():
                found.messages.append(message)
                here = message["kind"] == ("metric" if at else "settled") and message.get("step", 0) == at
                if here and do and (doing := do(child)):
                    await doing
            found.exit = await child.wait()
        finally:
            await child.kill()
    return found


def children(pid: int) -> list[int]:
    """Processes that this one has started and that run still."""
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def kill(pid: int) -> None:
    """End it without a chance to say anything."""
    os.kill(pid, signal.SIGKILL)


def ended(*pids: int) -> bool:
    """Whether all these processes, which are not ours, end within a minute; a zombie has ended."""
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
