"""The service's wish to end a run, as an exception that any long loop lets through."""

from __future__ import annotations

from shared.engine.protocol import Commands


class Interrupted(Exception):
    """The service asked to `stop` (checkpoint and leave) or to `cancel` (just leave)."""

    def __init__(self, op: str) -> None:
        super().__init__(op)
        self.op = op


class Interrupts:
    """Looks for commands between pieces of work; cheap enough to ask at every micro-batch."""

    def __init__(self, commands: Commands) -> None:
        self._commands = commands

    def check(self) -> None:
        """Raises Interrupted once the service has asked for an end; other commands are not for this engine."""
        while command := self._commands.poll():
            if command["op"] in ("stop", "cancel"):
                raise Interrupted(command["op"])
