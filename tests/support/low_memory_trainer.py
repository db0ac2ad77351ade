"""The real training engine with an address space limit that is too small for its training steps."""

import resource
from pathlib import Path
from typing import Any

from services.training.engine import train
from shared.engine.process.protocol import Commands, Reporter

HEADROOM = 192 * 2**20
"""Bytes left after model and data are loaded."""


class _LowMemoryReporter(Reporter):
    """Sets the limit after the model is loaded and before the first step."""

    def __init__(self, reporter: Reporter) -> None:
        self.__dict__ = reporter.__dict__  # share the state of the real reporter

    def emit(self, kind: str, **data: Any) -> None:
        if kind == "settled":
            pages = int(Path("/proc/self/statm").read_text().split()[0])
            limit = pages * resource.getpagesize() + HEADROOM
            resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
        super().emit(kind, **data)


def main(spec: dict[str, Any], reporter: Reporter, commands: Commands) -> dict[str, Any]:
    """Train, or run out of memory."""
    return train.main(spec, _LowMemoryReporter(reporter), commands)
