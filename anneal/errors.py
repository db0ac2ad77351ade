"""The error of every refused or failed request."""

from typing import Any


class AnnealError(Exception):
    """A request that was refused, or that did not reach the platform.

    `problem` is the platform's answer (RFC 9457): `code`, `detail`, and where they are known `field`, `limit`,
    `remedy` and `trace_id`. `status` is its HTTP status; 0 if there was none.
    """

    def __init__(self, message: str, problem: dict[str, Any] | None = None, status: int = 0) -> None:
        super().__init__(message)
        self.problem = problem or {"code": "request_failed", "detail": message}
        self.status = status

    @property
    def code(self) -> str:
        """The kind of problem, such as not_found."""
        return str(self.problem.get("code"))
