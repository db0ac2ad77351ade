"""The error that ends a command."""

from anneal.errors import AnnealError


class CommandError(AnnealError):
    """Ends a command with exit code 1 and a message; `problem` is printed with `--json`."""
