"""What to do where the disk is full: training can go on without one more checkpoint, as long as the last one stays."""

from __future__ import annotations

from collections.abc import Callable

from services.training.engine.loop.prepare import Run
from shared.engine.process.protocol import failure_code


def kept(run: Run, what: str, write: Callable[[], object]) -> bool:
    """Whether there was room for `write`, which leaves all as it was where there is none; a full disk is told.

    Of several processes the first one writes, and all know.
    """
    return run.ranks.told(lambda: _tried(run, what, write))


def _tried(run: Run, what: str, write: Callable[[], object]) -> bool:
    try:
        write()
    except Exception as error:
        if failure_code(error) != "disk_full":
            raise
        told = f"The disk is full: {what} could not be kept. Training goes on; what was kept before stays."
        run.reporter.log("warning", told)
        return False
    return True
