"""The gateway's errors, each with a stable code and an HTTP status."""

from typing import ClassVar

from shared.runtime.errors import AnnealError


class HostNotAllowed(AnnealError):
    """The Host header is not in the allowlist. This is what a DNS rebinding attack looks like."""

    status = 421
    code = "host_not_allowed"


class OriginNotAllowed(AnnealError):
    """A page of another site sent this request with the browser's session cookie."""

    status = 403
    code = "origin_not_allowed"


class LinkSpent(AnnealError):
    """The sign-in link was used, has expired, or does not exist."""

    status = 401
    code = "link_spent"


class SignInFailed(AnnealError):
    """The identity provider's answer does not prove who the user is, or the user may not sign in."""

    status = 403
    code = "sign_in_failed"


class ProjectSwitched(AnnealError):
    """The request is meant for another project than the session's."""

    status = 409
    code = "project_switched"


class ServiceUnavailable(AnnealError):
    """The service behind a path does not respond."""

    status = 503
    code = "room_unavailable"
    headers: ClassVar[dict[str, str]] = {"Retry-After": "5"}
