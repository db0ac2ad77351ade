"""The real training engine on a disk that is full from its third step to its seventh: no file can grow there."""

import resource
from typing import Any

from services.training.engine import train
from shared.engine.process.protocol import Commands, Reporter

FULL_AT, FREE_AT = 3, 7
ROOM = 4096
"""Bytes of the largest file that still can be written."""


class _Filling(Reporter):
    """Takes the room away behind one step and gives it back behind another."""

    def __init__(self, reporter: Reporter) -> None:
        self.__dict__ = reporter.__dict__  # the same reporter, hearing what it emits

    def emit(self, kind: str, **data: Any) -> None:
        super().emit(kind, **data)
        if kind == "metric" and data["step"] in (FULL_AT, FREE_AT):
            limit = ROOM if data["step"] == FULL_AT else resource.RLIM_INFINITY
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))


def main(spec: dict[str, Any], reporter: Reporter, commands: Commands) -> dict[str, Any]:
    """Train, now and then without room for anything."""
    return train.main(spec, _Filling(reporter), commands)
