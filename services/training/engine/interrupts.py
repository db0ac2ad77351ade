"""Requests of the service to end a run, raised as an exception between pieces of work."""

from __future__ import annotations

from services.training.engine.distributed.ranks import SINGLE_PROCESS, Ranks
from shared.engine.process.protocol import Commands, Reporter

OPS = ("", "stop", "cancel")


class Interrupted(Exception):
    """The service requested `stop` (write a checkpoint, then end) or `cancel` (end at once)."""

    def __init__(self, op: str) -> None:
        super().__init__(op)
        self.op = op


class Interrupts:
    """Polls for commands, and tells the service that the work proceeds; cheap enough to check at every micro-batch."""

    def __init__(self, commands: Commands, ranks: Ranks = SINGLE_PROCESS, reporter: Reporter | None = None) -> None:
        self._commands, self._ranks, self._reporter = commands, ranks, reporter

    def for_ranks(self, ranks: Ranks) -> Interrupts:
        """Interrupts for work that several processes do in lockstep: the main process polls, all of them raise."""
        return Interrupts(self._commands, ranks, self._reporter)

    def check(self, *, proceeds: bool = True) -> None:
        """Raise Interrupted if the service has requested an end. This engine ignores other commands.

        `proceeds`: some work was done since the last call.
        """
        if proceeds and self._reporter:
            self._reporter.alive()
        op = OPS[int(self._ranks.broadcast(OPS.index(self._poll() if self._ranks.is_main else "")))]
        if op:
            raise Interrupted(op)

    def _poll(self) -> str:
        while command := self._commands.poll():
            if command["op"] in OPS:
                return command["op"]
        return ""
