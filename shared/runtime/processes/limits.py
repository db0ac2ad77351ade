"""What an engine child may use, and the failure of one that wants more."""

import asyncio
import json
import re
import signal
import sys
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from shared.runtime.processes import machine
from shared.runtime.processes.memory_limit import usable_memory
from shared.runtime.settings import Settings

MEMORY_SHARE = 0.9
"""Of the usable memory, by default, what one engine may allocate."""
_OUT_OF_MEMORY = re.compile(r"bad_alloc|memory allocation of \d+ bytes failed|[Cc]annot allocate memory")
"""Last words of C++ and Rust, which abort instead of raising MemoryError."""


@dataclass(frozen=True)
class Limits:
    """Limits of one launch. `cpu_s`: seconds of CPU time of all its threads together; None for work of any length.

    `memory` and `file_bytes` are those of the settings unless given, in bytes: of private writable memory, and of a
    file that it writes. `network` is `none`, `loopback` for processes that speak to each other, or `open`.
    """

    cpu_s: int | None = None
    memory: int | None = None
    file_bytes: int | None = None
    network: Literal["none", "loopback", "open"] = "none"


@dataclass(frozen=True)
class DefaultLimits:
    """Limits of engines that process a user's whole model or dataset."""

    memory: int = field(default_factory=lambda: int(MEMORY_SHARE * usable_memory()))
    file_bytes: int = 256 * 2**30

    @classmethod
    def of(cls, settings: Settings) -> "DefaultLimits":
        """As configured."""
        memory = {"memory": settings.engine_memory_limit} if settings.engine_memory_limit else {}
        return cls(**memory, file_bytes=settings.engine_file_limit)

    def resolve(self, limits: Limits, *, uses_gpu: bool) -> dict[str, Any]:
        """The limits for the child. None on memory with a GPU, whose driver's mappings nobody has measured."""
        memory = None if uses_gpu else min(limits.memory or self.memory, self.memory)
        return {**asdict(limits), "memory": memory, "file_bytes": limits.file_bytes or self.file_bytes}


def name_failure(number: int | None, cpu_s: int | None, last_log: str) -> dict[str, Any] | None:
    """The `failed` message of an engine that ended by this signal at a limit, else None."""
    if number == signal.SIGXCPU:
        detail = f"The engine used its {cpu_s:,} seconds of CPU time without an end."
        remedy = "Send less at once; a damaged file or a chat template that loops also ends like this."
        return {"kind": "failed", "code": "cpu_time_exceeded", "detail": detail, "remedy": remedy}
    if number == signal.SIGABRT and _OUT_OF_MEMORY.search(last_log):
        return {"kind": "failed", "code": "out_of_memory", "detail": f"The engine reached its memory limit: {last_log}"}
    return None


class Sandbox:
    """The limits that this machine does not allow, found once in a process of its own."""

    def __init__(self) -> None:
        self._found: asyncio.Task[list[str]] | None = None

    async def missing(self) -> list[str]:
        """Such as "no network namespace"."""
        self._found = self._found or asyncio.create_task(_probe())
        return await asyncio.shield(self._found)


async def _probe() -> list[str]:
    command = (sys.executable, "-m", "shared.engine.process.limits")
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    missing: list[str] = json.loads((await process.communicate())[0] or '["no limits at all"]')
    return missing + (["no memory limit on engines with a GPU"] if machine.gpus() else [])
