"""The gateway's coded failures."""

from typing import ClassVar

from shared.runtime.errors import AnnealError


class HostNotAllowed(AnnealError):
    """The Host header names a machine that we do not answer for (what DNS rebinding looks like)."""

    status = 421
    code = "host_not_allowed"


class OriginNotAllowed(AnnealError):
    """A page of another site sent this request with the browser's cookie."""

    status = 403
    code = "origin_not_allowed"


class LinkSpent(AnnealError):
    """A sign-in link that was used, has expired, or was never ours."""

    status = 401
    code = "link_spent"


class RoomUnavailable(AnnealError):
    """The room behind a path does not answer."""

    status = 503
    code = "room_unavailable"
    headers: ClassVar[dict[str, str]] = {"Retry-After": "5"}
