"""What an engine child may use, and the failure of one that wants more."""

import asyncio
import json
import os
import re
import signal
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import gettempdir
from typing import Any, Literal

from shared.runtime.processes import machine
from shared.runtime.processes.memory_limit import usable_memory
from shared.runtime.settings import Settings

BESIDE_ANSWERS = 5
"""`nice` of what many requests can start at once: validations, checks, previews, counts."""
MEMORY_SHARE = 0.9
"""Of the usable memory, by default, what one engine may allocate."""
_OUT_OF_MEMORY = re.compile(r"bad_alloc|memory allocation of \d+ bytes failed|[Cc]annot allocate memory")
"""Last words of C++ and Rust, which abort instead of raising MemoryError."""


@dataclass(frozen=True)
class Limits:
    """Limits of one launch. `cpu_s`: seconds of CPU time of all its threads together; None for work of any length.

    `memory` and `file_bytes` are those of the settings unless given, in bytes: of private writable memory, and of a
    file that it writes. `network` is `none`, `loopback` for processes that speak to each other, or `open`. With
    `own_files` it writes only into its working directory, the temporary folder and caches of libraries. With a higher
    `nice` it leaves the processor to others, such as answers of models.
    """

    cpu_s: int | None = None
    memory: int | None = None
    file_bytes: int | None = None
    network: Literal["none", "loopback", "open"] = "none"
    own_files: bool = True
    nice: int = 0


@dataclass(frozen=True)
class DefaultLimits:
    """Limits of engines that process a user's whole model or dataset."""

    memory: int = field(default_factory=lambda: int(MEMORY_SHARE * usable_memory()))
    file_bytes: int = 256 * 2**30
    home: Path | None = None

    @classmethod
    def of(cls, settings: Settings) -> "DefaultLimits":
        """As configured."""
        memory = {"memory": settings.engine_memory_limit} if settings.engine_memory_limit else {}
        return cls(**memory, file_bytes=settings.engine_file_limit, home=settings.directory)

    def resolve(self, limits: Limits, cwd: Path, *, uses_gpu: bool) -> dict[str, Any]:
        """The limits for the child. None on memory with a GPU, whose driver's mappings nobody has measured."""
        memory = None if uses_gpu else min(limits.memory or self.memory, self.memory)
        writable = [str(cwd), gettempdir(), *_SYSTEM, *_caches(uses_gpu)] if limits.own_files else None
        return {
            "cpu_s": limits.cpu_s,
            "network": limits.network,
            "nice": limits.nice,
            "memory": memory,
            "file_bytes": limits.file_bytes or self.file_bytes,
            "writable": writable,
            "readable": _all_but_files_in(self.home) if self.home and self.home.is_dir() else None,
        }


_SYSTEM = ("/dev", "/proc")


def _caches(uses_gpu: bool) -> list[str]:
    """Folders in which libraries keep compiled kernels and downloads."""
    folders = [Path.home() / name for name in (".cache", ".triton", ".nv")]
    for folder in folders if uses_gpu else ():
        with suppress(OSError):
            folder.mkdir(exist_ok=True)
    return [str(folder) for folder in folders]


def _all_but_files_in(home: Path) -> list[str] | None:
    """What an engine may read: all but the files of the data directory (keys, documents); None where it is unknown.

    Its folders, which hold models and datasets, are read. Landlock can only allow: so what lies beside each folder on
    the way is listed, without links, which may lead back.
    """
    way = {str(folder) for folder in (home, *home.parents)}
    try:
        beside = [entry for folder in home.parents for entry in os.scandir(folder) if entry.path not in way]
    except PermissionError:  # a folder on the way cannot be listed
        return None
    inside = [entry for entry in os.scandir(home) if entry.is_dir()]
    return [entry.path for entry in (*beside, *inside) if not entry.is_symlink()]


def name_failure(number: int | None, cpu_s: int | None, last_log: str) -> dict[str, Any] | None:
    """The `failed` message of an engine that ended by this signal at a limit, else None."""
    if number == signal.SIGXCPU:
        detail = f"The engine used its {cpu_s:,} seconds of CPU time without an end."
        remedy = "Send less at once; a damaged file or a chat template that loops also ends like this."
        return {"kind": "failed", "code": "cpu_time_exceeded", "detail": detail, "remedy": remedy}
    if number == signal.SIGABRT and _OUT_OF_MEMORY.search(last_log):
        return {"kind": "failed", "code": "out_of_memory", "detail": f"The engine reached its memory limit: {last_log}"}
    return None


NO_LIMITS = ["no limits at all"]
HELD = ("CPU time", "file size", "no privileges", "memory limit", "process limit", "network namespace", "Landlock")
"""Limits of engines by name. Those that a machine may lack are part of the name of what is missing."""


def held_beside(missing: Sequence[str]) -> list[str]:
    """The limits that hold where these are missing."""
    return [name for name in HELD if missing != NO_LIMITS and not any(name in lack for lack in missing)]


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
    missing: list[str] = json.loads((await process.communicate())[0] or json.dumps(NO_LIMITS))
    return missing + (["no memory limit on engines with a GPU"] if machine.gpus() else [])
