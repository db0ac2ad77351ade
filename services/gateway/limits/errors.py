"""The errors of limits: 413 for a body that is too large, 429 for what was used up."""

import math
from typing import Any

from services.gateway.limits.policy import Target
from shared.runtime.errors import AnnealError


class BodyTooLarge(AnnealError):
    """The body is larger than the route takes."""

    status = 413
    code = "body_too_large"


class RateLimited(AnnealError):
    """A limit of the key or its project is reached. The code is the one of OpenAI's API."""

    status = 429
    code = "rate_limit_exceeded"

    def __init__(self, detail: str, *, retry_after: float, **members: Any) -> None:
        super().__init__(detail, **members)
        self.headers = {"Retry-After": str(max(1, math.ceil(retry_after)))}  # type: ignore[misc]


class QuotaExceeded(AnnealError):
    """The project stores as much as it may."""

    status = 413
    code = "quota_exceeded"


def rate_limited(target: Target, name: str, used: float, wait: float) -> RateLimited:
    """The error of a limit of `target`; it is free again after `wait` seconds."""
    limit, what = getattr(target.limits, name), name.replace("_", " ")
    detail = f"The {target.per} {target.name} has a limit of {limit} {what}, and {used:.6g} are used."
    seconds = max(1, math.ceil(wait))
    remedy = f"Send it again in {seconds} s; the operator raises the limit at PUT /auth/limits/{target.name}."
    return RateLimited(detail, retry_after=wait, field=name, limit=limit, remedy=remedy, per=target.per)


def too_many_open(target: Target, limit: int) -> RateLimited:
    """The error of a key or project whose open requests use its share of the connections."""
    detail = f"The {target.per} {target.name} has {limit} open requests, as many as it may have."
    remedy = "Send it again when one has ended; the operator raises the limit of open files (`ulimit -n`)."
    return RateLimited(detail, retry_after=1, field="open_requests", limit=limit, remedy=remedy, per=target.per)
