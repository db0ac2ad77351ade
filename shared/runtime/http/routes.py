"""The route table: which service handles a path, and which scope a caller needs."""

import re
from dataclasses import dataclass
from typing import Literal

from shared.runtime.http.principal import Forbidden, Principal

KeyScope = Literal["infer", "read", "write", "admin"]
SCOPE_RANKS: dict[str, int] = {"infer": 0, "read": 1, "write": 2, "admin": 3, "*": 4}
"""Each scope includes those below it; `*` is the operator, who may also create keys for other projects."""
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})

METRICS = "/metrics"


@dataclass(frozen=True)
class Route:
    """A path pattern and its service. `{name}` matches one segment; a final `/**` matches any remainder, also none.

    Without `scope`, safe methods need `read` and all others `write`. An `open` route needs no credential. A route with
    a `method` is for that method only.
    """

    pattern: str
    service: str
    scope: KeyScope | None = None
    open: bool = False
    method: str | None = None

    def required_scope(self, method: str) -> KeyScope:
        """Return the scope that a request with this method needs."""
        return self.scope or ("read" if method in SAFE_METHODS else "write")


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
    Route("/v1/models/**", "training", method="DELETE"),
    Route("/v1/models/**", "inference", scope="infer"),
    Route("/v1/chat/completions", "inference", scope="infer"),
    Route("/v1/completions", "inference", scope="infer"),
    Route("/v1/files/**", "dataset"),
    Route("/v1/fine_tuning/**", "training"),
    Route("/v1/**", "inference"),
    Route("/deployments/**", "inference"),
)
"""The first match wins."""


def _to_regex(pattern: str) -> str:
    body, rest = (pattern[:-3], "(?:/.*)?") if pattern.endswith("/**") else (pattern, "")
    return re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(body)) + rest


_COMPILED = tuple((re.compile(_to_regex(route.pattern)), route) for route in ROUTES)


def match(path: str, method: str) -> Route | None:
    """Return the route of a request, or None."""
    return next((route for regex, route in _COMPILED if route.method in (None, method) and regex.fullmatch(path)), None)


def require_scope(principal: Principal, scope: KeyScope) -> None:
    """Raise Forbidden unless the caller has the scope."""
    highest = max((SCOPE_RANKS.get(name, -1) for name in principal.scopes), default=-1)
    if highest < SCOPE_RANKS[scope]:
        remedy = f"Use a key with the scope {scope!r}; an admin can create one with POST /auth/keys."
        held = list(principal.scopes)
        raise Forbidden(f"The request needs the scope {scope!r}.", field="scopes", limit=held, remedy=remedy)
