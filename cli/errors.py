"""The error that ends a command."""

from typing import Any


class CommandError(Exception):
    """Ends a command with exit code 1 and a message; `problem` is printed with `--json`."""

    def __init__(self, message: str, problem: dict[str, Any] | None = None) -> None:
        super().__init__(message)
        self.problem = problem or {"code": "command_failed", "detail": message}
