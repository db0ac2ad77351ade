"""The service's wish to end a run, as an exception that any long loop lets through."""

from __future__ import annotations

from services.training.engine.distributed.ranks import ALONE, Ranks
from shared.engine.process.protocol import Commands

OPS = ("", "stop", "cancel")


class Interrupted(Exception):
    """The service asked to `stop` (checkpoint and leave) or to `cancel` (just leave)."""

    def __init__(self, op: str) -> None:
        super().__init__(op)
        self.op = op


class Interrupts:
    """Looks for commands between pieces of work; cheap enough to ask at every micro-batch."""

    def __init__(self, commands: Commands, ranks: Ranks = ALONE) -> None:
        self._commands, self._ranks = commands, ranks

    def among(self, ranks: Ranks) -> Interrupts:
        """For work that several processes do in step: all ask together, and hear what the first one was told."""
        return Interrupts(self._commands, ranks)

    def check(self) -> None:
        """Raises Interrupted once the service has asked for an end; other commands are not for this engine."""
        heard = OPS[int(self._ranks.agreed(OPS.index(self._heard() if self._ranks.first else "")))]
        if heard:
            raise Interrupted(heard)

    def _heard(self) -> str:
        while command := self._commands.poll():
            if command["op"] in OPS:
                return command["op"]
        return ""
