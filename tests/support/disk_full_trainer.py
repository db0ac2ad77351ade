"""The real training engine with a full disk between steps 3 and 7: files cannot grow beyond 4 KiB."""

import errno
import resource
from typing import Any

from services.training.engine import train
from shared.engine.process import protocol
from shared.engine.process.protocol import Commands, Reporter

FULL_AT_STEP, FREE_AT_STEP = 3, 7
MAX_FILE_SIZE = 4096
"""Largest file in bytes that can be written while the disk is full."""


class _DiskFullReporter(Reporter):
    """Limits the file size after one step, and lifts the limit after another."""

    def __init__(self, reporter: Reporter) -> None:
        self.__dict__ = reporter.__dict__  # share the state of the real reporter

    def emit(self, kind: str, **data: Any) -> None:
        super().emit(kind, **data)
        if kind == "metric" and data["step"] in (FULL_AT_STEP, FREE_AT_STEP):
            hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
            limit = MAX_FILE_SIZE if data["step"] == FULL_AT_STEP else hard
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, hard))


def main(spec: dict[str, Any], reporter: Reporter, commands: Commands) -> dict[str, Any]:
    """Train, with a full disk for some steps."""
    protocol._DISK_FULL += (errno.EFBIG,)  # only the kernel of a full disk says ENOSPC
    return train.main(spec, _DiskFullReporter(reporter), commands)
