"""The error that ends a command."""

from typing import Any

from anneal.errors import AnnealError


class CommandError(AnnealError):
    """Ends a command with exit code 1 and a message; `problem` is printed with `--json`."""

    def __init__(self, message: str, problem: dict[str, Any] | None = None, status: int = 0) -> None:
        super().__init__(message, problem or {"code": "command_failed", "detail": message}, status)
