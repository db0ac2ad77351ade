"""The route table: every operation of the platform, the service that handles it, and the scope that a caller needs.

What is not declared here does not exist outside: the gateway answers 404, or 405 for another method of a known path.
"""

from dataclasses import dataclass
from typing import Any, Literal

from starlette.routing import compile_path

from shared.runtime.errors import AnnealError, NotFound
from shared.runtime.http.principal import Forbidden, Principal

BodyKind = Literal["json", "completion", "upload"]
"""What decides how large a body may be; where uploads are taken, only multipart/form-data counts as one."""
KeyScope = Literal["infer", "read", "write", "admin"]
Scope = KeyScope | Literal["*"]
SCOPE_RANKS: dict[str, int] = {"infer": 0, "read": 1, "write": 2, "admin": 3, "*": 4}
"""Each scope includes those below it; `*` is the operator, who may also create keys for other projects."""

METRICS = "/metrics"


class MethodNotAllowed(AnnealError):
    """The path exists, with other methods."""

    status = 405
    code = "method_not_allowed"

    def __init__(self, detail: str, allowed: list[str]) -> None:
        super().__init__(detail, field="method", limit=allowed, remedy="See /docs for every path and its methods.")
        self.headers = {"Allow": ", ".join(allowed)}  # type: ignore[misc]


@dataclass(frozen=True)
class Route:
    """One operation; a websocket is a GET. The pattern is that of the service's own route. Without scope it is open.

    With `streams`, responses count as streams and in tokens; with `queues`, a request queues a training job; with
    `stores` or `queues`, it adds files to the project, a GET unless they are there. Operations that are no safe
    methods and do not say `changes=False` are recorded in the audit log.
    """

    method: str
    pattern: str
    service: str
    scope: Scope | None
    body: BodyKind = "json"
    streams: bool = False
    queues: bool = False
    stores: bool = False
    changes: bool = True

    @property
    def open(self) -> bool:
        """Whether no credential is needed."""
        return self.scope is None


def _routes(service: str, scope: Scope | None, *declared: str, **options: Any) -> tuple[Route, ...]:
    """Routes from `METHOD [METHOD …] /path`; the options are further fields of each."""
    operations = [each.split() for each in declared]
    return tuple(
        Route(method, pattern, service, scope, **options) for *methods, pattern in operations for method in methods
    )


ROUTES = (
    *_routes("gateway", None, "GET /", "GET /ui", "GET /ui/{path:path}", "GET /docs", "GET /healthz", "GET /readyz"),
    *_routes(
        "gateway", None, "GET /auth/sign-in", "GET /auth/oidc", "GET /auth/oidc/sign-in", "GET /auth/oidc/callback"
    ),
    *_routes("gateway", "infer", "POST /auth/link", "GET PUT DELETE /auth/session", "GET /openapi.json"),
    *_routes("gateway", "infer", "GET /auth/sessions", "DELETE /auth/sessions/{session_id}"),
    *_routes("gateway", "infer", "GET /auth/projects"),
    *_routes("gateway", "read", "GET /auth/projects/{project}/members"),
    *_routes("gateway", "admin", "PUT DELETE /auth/projects/{project}/members/{user}"),
    *_routes("gateway", "*", "POST /auth/projects", "GET /auth/users"),
    *_routes("gateway", "*", "POST /auth/users/{user_id}/disable", "POST /auth/users/{user_id}/enable"),
    *_routes("gateway", "read", "GET /overview", "GET /lineage", "GET /metrics", "POST /live/tickets"),
    *_routes("gateway", "read", "GET /live", streams=True),
    *_routes("gateway", "infer", "GET /limits"),
    *_routes("gateway", "admin", "GET PUT /auth/limits/{target}"),
    *_routes("gateway", "admin", "GET POST /auth/keys", "DELETE /auth/keys/{key_id}"),
    *_routes("gateway", "admin", "GET /events/dead", "POST /events/dead/replay"),
    *_routes("gateway", "admin", "POST /events/dead/{letter_id}/replay"),
    *_routes("gateway", "admin", "GET /audit", "GET /audit/export"),
    *_routes("gateway", "admin", "GET POST /webhooks", "GET PATCH DELETE /webhooks/{webhook_id}"),
    *_routes("gateway", "admin", "POST /webhooks/{webhook_id}/rotate_secret", "POST /webhooks/{webhook_id}/test"),
    *_routes("gateway", "admin", "GET /webhooks/{webhook_id}/deliveries"),
    *_routes("gateway", "admin", "GET /webhooks/{webhook_id}/deliveries/{delivery_id}"),
    *_routes("gateway", "admin", "POST /webhooks/{webhook_id}/deliveries/{delivery_id}/replay"),
    *_routes("dataset", "read", "GET /datasets", "GET /datasets/samples", "GET /datasets/samples/{name}"),
    *_routes("dataset", "read", "GET /datasets/imports", "GET /datasets/imports/{import_id}"),
    *_routes("dataset", "read", "GET /datasets/{dataset_id}", "GET /datasets/{dataset_id}/preview"),
    *_routes("dataset", "read", "GET /datasets/{dataset_id}/rejected", "GET /datasets/{dataset_id}/rendered"),
    *_routes("dataset", "read", "GET /datasets/{dataset_id}/statistics", "GET /datasets/{dataset_id}/duplicates"),
    *_routes("dataset", "read", "GET /datasets/{dataset_id}/diff"),
    *_routes("dataset", "read", "GET /v1/files", "GET /v1/files/{file_id}", "GET /v1/files/{file_id}/content"),
    *_routes("dataset", "write", "POST /datasets/upload", "POST /v1/files", body="upload", stores=True),
    *_routes("dataset", "write", "POST /datasets/upload/preview", body="upload", changes=False),
    *_routes("dataset", "write", "POST /datasets/import", stores=True),
    *_routes("dataset", "write", "POST /datasets/{dataset_id}/exclude", stores=True),
    *_routes("dataset", "write", "POST /datasets/{dataset_id}/deduplicate", stores=True),
    *_routes("dataset", "write", "DELETE /datasets/imports/{import_id}", "DELETE /datasets/{dataset_id}"),
    *_routes("dataset", "write", "DELETE /v1/files/{file_id}"),
    *_routes("training", "read", "GET /models/available", "GET /models/base", "GET /models/base/{id}"),
    *_routes("training", "read", "GET /models/custom", "GET /models/custom/{id}", "GET /training/machine"),
    *_routes("training", "read", "GET /training/presets", "GET /training/jobs", "GET /training/jobs/usage"),
    *_routes("training", "read", "GET /training/jobs/{id}"),
    *_routes("training", "read", "GET /training/jobs/{id}/logs", "GET /training/jobs/{id}/metrics"),
    *_routes("training", "read", "GET /training/jobs/{id}/records", "GET /training/jobs/{id}/tensorboard"),
    *_routes("training", "read", "GET /training/jobs/{id}/reproduction"),
    *_routes("training", "read", "GET /v1/fine_tuning/jobs", "GET /v1/fine_tuning/jobs/{job_id}"),
    *_routes("training", "read", "GET /v1/fine_tuning/jobs/{job_id}/checkpoints"),
    *_routes("training", "read", "GET /v1/fine_tuning/jobs/{job_id}/events"),
    *_routes("training", "write", "POST /training/jobs", "POST /v1/fine_tuning/jobs", queues=True),
    *_routes("training", "write", "POST /models/custom/{id}/reproduce", queues=True),
    *_routes("training", "write", "POST /models/base", body="upload", stores=True),
    *_routes("training", "write", "DELETE /models/base/{id}", "PATCH DELETE /models/custom/{id}"),
    *_routes("training", "write", "DELETE /v1/models/{model_id:path}"),
    *_routes("training", "write", "POST /training/estimate", changes=False),
    *_routes("training", "read", "GET /training/recipes"),
    *_routes("training", "read", "POST /training/settings", "POST /training/settings/fits", changes=False),
    *_routes("training", "write", "POST /training/presets", "DELETE /training/presets/{id}"),
    *_routes("training", "write", "POST /training/jobs/{id}/cancel", "POST /training/jobs/{id}/pause"),
    *_routes("training", "write", "POST /training/jobs/{id}/resume", "PATCH /training/jobs/{id}"),
    *_routes("training", "read", "GET /training/jobs/{id}/checkpoints/{step}/model"),
    *_routes("training", "write", "POST /training/jobs/{id}/checkpoints/{step}/model", stores=True),
    *_routes("training", "write", "POST /v1/fine_tuning/jobs/{job_id}/cancel"),
    *_routes("training", "write", "POST /v1/fine_tuning/jobs/{job_id}/pause"),
    *_routes("training", "write", "POST /v1/fine_tuning/jobs/{job_id}/resume"),
    *_routes("evaluation", "read", "GET /evaluations", "GET /evaluations/{id}", "GET /evaluations/{id}/predictions"),
    *_routes("evaluation", "read", "GET /evaluations/compare", "GET /evaluations/compare/rows"),
    *_routes("evaluation", "read", "GET /evaluations/judgements", "GET /evaluations/judgements/{id}"),
    *_routes("evaluation", "write", "POST /evaluations/import", body="upload", stores=True),
    *_routes("evaluation", "write", "POST /evaluations/judgements", "POST /evaluations/judgements/{id}/cancel"),
    *_routes("evaluation", "write", "POST /evaluations/{id}/cancel", "POST /models/custom/{id}/evaluate"),
    *_routes("evaluation", "write", "DELETE /evaluations/{id}"),
    *_routes("evaluation", "read", "GET /v1/evals", "GET /v1/evals/{eval_id}", "GET /v1/evals/{eval_id}/runs"),
    *_routes("evaluation", "read", "GET /v1/evals/{eval_id}/runs/{run_id}"),
    *_routes("evaluation", "read", "GET /v1/evals/{eval_id}/runs/{run_id}/output_items"),
    *_routes("evaluation", "read", "GET /v1/evals/{eval_id}/runs/{run_id}/output_items/{output_item_id}"),
    *_routes("evaluation", "write", "POST /v1/evals", "POST DELETE /v1/evals/{eval_id}"),
    *_routes("evaluation", "write", "POST /v1/evals/{eval_id}/runs", "DELETE /v1/evals/{eval_id}/runs/{run_id}"),
    *_routes("evaluation", "write", "POST /v1/evals/{eval_id}/runs/{run_id}/cancel"),
    *_routes("evaluation", "write", "POST /v1/fine_tuning/alpha/graders/run", changes=False),
    *_routes("evaluation", "write", "POST /v1/fine_tuning/alpha/graders/validate", changes=False),
    *_routes("export", "read", "GET /models/custom/{id}/export", stores=True),
    *_routes("export", "read", "HEAD /models/custom/{id}/export", "GET /exports", "GET /exports/{id}"),
    *_routes("export", "read", "GET HEAD /exports/{id}/files/{name:path}"),
    *_routes("export", "read", "GET /exports/{id}/pushes", "GET /exports/pushes/{push_id}"),
    *_routes("export", "write", "POST /exports/{id}/push", "POST /exports/pushes/{push_id}/cancel"),
    *_routes("export", "write", "POST /models/custom/{id}/exports", stores=True),
    *_routes("export", "write", "DELETE /exports/{id}", "POST /exports/{id}/cancel"),
    *_routes("inference", "infer", "GET /v1/models", "GET /v1/models/{model_id:path}"),
    *_routes("inference", "infer", "POST /v1/chat/completions", body="completion", streams=True, changes=False),
    *_routes("inference", "infer", "POST /v1/completions", body="completion", streams=True, changes=False),
    *_routes("inference", "infer", "GET DELETE /v1/chat/completions/{completion_id}"),
    *_routes("inference", "infer", "POST /feedback", "DELETE /feedback/{feedback_id}"),
    *_routes("inference", "read", "GET /feedback", "GET /feedback/rows", "GET /feedback/summary"),
    *_routes("inference", "read", "GET /deployments", "GET /deployments/{deployment_id}"),
    *_routes("inference", "write", "POST /deployments", "DELETE /deployments/{deployment_id}"),
    *_routes("inference", "read", "GET /aliases", "GET /aliases/{name}", "GET /aliases/{name}/candidates"),
    *_routes("inference", "read", "GET /aliases/{name}/candidates/{candidate_id}"),
    *_routes("inference", "write", "POST /aliases", "PATCH DELETE /aliases/{name}"),
    *_routes("inference", "write", "POST /aliases/{name}/candidates", "POST /aliases/{name}/rollback"),
    *_routes("inference", "write", "POST /aliases/{name}/candidates/{candidate_id}/promote"),
)
"""The first match wins."""


_COMPILED = {
    method: [(compile_path(route.pattern)[0], route) for route in ROUTES if route.method == method]
    for method in {route.method for route in ROUTES}
}


def match(path: str, method: str) -> Route | None:
    """Return the route of a request, or None."""
    return next((route for regex, route in _COMPILED.get(method, []) if regex.fullmatch(path)), None)


def find(path: str, method: str) -> Route:
    """Return the route of a request. Raises NotFound, or MethodNotAllowed for another method of a known path."""
    if route := match(path, method):
        return route
    if allowed := sorted(known for known in _COMPILED if match(path, known)):
        raise MethodNotAllowed(f"{path} has no method {method}.", allowed)
    raise NotFound(f"There is nothing at {path}.", field="path", remedy="See /docs for every path.")


def require_scope(principal: Principal, scope: Scope) -> None:
    """Raise Forbidden unless the caller has the scope."""
    highest = max((SCOPE_RANKS.get(name, -1) for name in principal.scopes), default=-1)
    if highest < SCOPE_RANKS[scope]:
        remedy = f"Use a key with the scope {scope!r}; an admin can create one with POST /auth/keys."
        if scope == "*":
            remedy = "Use the operator's key, which is in $ANNEAL_HOME/api-key on the server."
        held = list(principal.scopes)
        raise Forbidden(f"The request needs the scope {scope!r}.", field="scopes", limit=held, remedy=remedy)
