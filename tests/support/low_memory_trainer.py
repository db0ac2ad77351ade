"""The real training engine in an address space that leaves it little room for its steps."""

import resource
from pathlib import Path
from typing import Any

from services.training.engine import train
from shared.engine.process.protocol import Commands, Reporter

ROOM = 192 * 2**20
"""Bytes beyond what model and data take."""


class _Starving(Reporter):
    """Sets the limit once the model is loaded, before the first step."""

    def __init__(self, reporter: Reporter) -> None:
        self.__dict__ = reporter.__dict__  # the same reporter, hearing what it emits

    def emit(self, kind: str, **data: Any) -> None:
        if kind == "settled":
            pages = int(Path("/proc/self/statm").read_text().split()[0])
            limit = pages * resource.getpagesize() + ROOM
            resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
        super().emit(kind, **data)


def main(spec: dict[str, Any], reporter: Reporter, commands: Commands) -> dict[str, Any]:
    """Train, or run out of memory as on a small machine."""
    return train.main(spec, _Starving(reporter), commands)
