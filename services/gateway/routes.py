"""The one route table: which room answers a path, and what a caller must be allowed to do."""

import re
from dataclasses import dataclass
from typing import Literal

Scope = Literal["infer", "read", "write", "admin"]
RANK: dict[str, int] = {"infer": 0, "read": 1, "write": 2, "admin": 3, "*": 4}
"""Each scope holds those below it; `*` is the operator, who may also make keys for other projects."""
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})

METRICS = "/metrics"


@dataclass(frozen=True)
class Route:
    """`pattern` has `{name}` for one segment and a final `/**` for anything or nothing more.

    Without `scope`, safe methods need `read` and the others `write`. An `open` route needs no credential.
    """

    pattern: str
    room: str
    scope: Scope | None = None
    open: bool = False

    def needs(self, method: str) -> Scope:
        """The scope that a request of this method needs."""
        return self.scope or ("read" if method in SAFE else "write")


ROUTES = (
    Route("/", "gateway", open=True),
    Route("/ui/**", "gateway", open=True),
    Route("/docs", "gateway", open=True),
    Route("/healthz", "gateway", open=True),
    Route("/readyz", "gateway", open=True),
    Route("/auth/sign-in", "gateway", open=True),
    Route("/auth/keys/**", "gateway", scope="admin"),
    Route("/auth/link", "gateway", scope="infer"),
    Route("/auth/session", "gateway", scope="infer"),
    Route("/live/tickets", "gateway", scope="read"),
    Route("/live", "gateway", scope="read"),
    Route("/overview", "gateway"),
    Route(METRICS, "gateway"),
    Route("/events/**", "gateway", scope="admin"),
    Route("/openapi.json", "gateway", scope="infer"),
    Route("/models/custom/{id}/evaluate", "evaluation"),
    Route("/models/custom/{id}/evaluations/**", "evaluation"),
    Route("/models/custom/{id}/export", "export"),
    Route("/models/custom/{id}/exports/**", "export"),
    Route("/evaluations/**", "evaluation"),
    Route("/exports/**", "export"),
    Route("/models/**", "training"),
    Route("/training/**", "training"),
    Route("/datasets/**", "dataset"),
    Route("/v1/models/**", "inference", scope="infer"),
    Route("/v1/chat/completions", "inference", scope="infer"),
    Route("/v1/completions", "inference", scope="infer"),
    Route("/v1/files/**", "dataset"),
    Route("/v1/fine_tuning/**", "training"),
    Route("/v1/**", "inference"),
    Route("/deployments/**", "inference"),
)
"""First match wins."""


def _expression(pattern: str) -> str:
    body, rest = (pattern[:-3], "(?:/.*)?") if pattern.endswith("/**") else (pattern, "")
    return re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(body)) + rest


_COMPILED = tuple((re.compile(_expression(route.pattern)), route) for route in ROUTES)


def match(path: str) -> Route | None:
    """The route of a path, or None."""
    return next((route for expression, route in _COMPILED if expression.fullmatch(path)), None)
