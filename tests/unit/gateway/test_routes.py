"""The route table: the only what it declares exists, and only listed routes are open."""

import pytest

from shared.runtime.errors import NotFound
from shared.runtime.http.routes import ROUTES, MethodNotAllowed, find, match


@pytest.mark.parametrize(
    ("path", "service"),
    [
        ("/datasets", "dataset"),
        ("/datasets/upload", "dataset"),
        ("/models/available", "training"),
        ("/models/custom/m_1", "training"),
        ("/models/custom/m_1/evaluate", "evaluation"),
        ("/models/custom/m_1/export", "export"),
        ("/models/custom/evaluate", "training"),
        ("/training/jobs/job_1/records", "training"),
        ("/evaluations/ev_1", "evaluation"),
        ("/exports", "export"),
        ("/v1/chat/completions", "inference"),
        ("/v1/models/org/name", "inference"),
        ("/deployments/dep_1", "inference"),
        ("/live", "gateway"),
    ],
)
def test_a_path_is_routed_to_its_service(path: str, service: str) -> None:
    assert service in {found.service for method in ("GET", "POST") if (found := match(path, method))}


def test_models_are_deleted_by_the_service_that_made_them() -> None:
    for path in ("/v1/models/model_1", "/v1/models/org/name"):
        assert [found.service for method in ("GET", "DELETE") if (found := match(path, method))] == [
            "inference",
            "training",
        ]


@pytest.mark.parametrize("path", ["", "/datasetsx", "/health", "/models", "//datasets", "/auth", "/docs\n"])
def test_undeclared_paths_do_not_match(path: str) -> None:
    assert match(path, "GET") is None


def test_other_methods_of_a_path_are_named() -> None:
    with pytest.raises(MethodNotAllowed) as refused:
        find("/auth/keys/key_1", "GET")
    assert refused.value.headers == {"Allow": "DELETE"}
    with pytest.raises(NotFound):
        find("/auth", "GET")


def test_only_these_routes_are_open() -> None:
    opened = {route.pattern for route in ROUTES if route.open}
    signing_in = {"/auth/sign-in", "/auth/oidc", "/auth/oidc/sign-in", "/auth/oidc/callback"}
    assert opened == {"/", "/ui", "/ui/{path:path}", "/docs", "/healthz", "/readyz"} | signing_in


def test_scopes_follow_from_the_method_with_few_exceptions() -> None:
    """GET needs `read` and the others `write`; what differs is listed here."""
    usual = {True: "read", False: "write"}
    other = {f"{route.method} {route.pattern}": route.scope for route in ROUTES if route.scope}
    found = {name: scope for name, scope in other.items() if scope != usual[name.split()[0] in {"GET", "HEAD"}]}
    assert found == {
        **dict.fromkeys(("POST /auth/link", "GET /auth/session", "DELETE /auth/session", "GET /openapi.json"), "infer"),
        **dict.fromkeys(("GET /audit", "GET /audit/export"), "admin"),
        **{name: "admin" for name in other if " /webhooks" in name},
        **dict.fromkeys(("PUT /auth/session", "GET /auth/projects", "GET /limits"), "infer"),
        **dict.fromkeys(("GET /auth/sessions", "DELETE /auth/sessions/{session_id}"), "infer"),
        **dict.fromkeys(("GET /auth/limits/{target}", "PUT /auth/limits/{target}"), "admin"),
        **dict.fromkeys((f"{verb} /auth/projects/{{project}}/members/{{user}}" for verb in ("PUT", "DELETE")), "admin"),
        **dict.fromkeys(("POST /auth/projects", "GET /auth/users"), "*"),
        **dict.fromkeys((f"POST /auth/users/{{user_id}}/{verb}" for verb in ("disable", "enable")), "*"),
        **dict.fromkeys(("GET /v1/models", "GET /v1/models/{model_id:path}"), "infer"),
        **dict.fromkeys(("POST /v1/chat/completions", "POST /v1/completions"), "infer"),
        **{f"{verb} /v1/chat/completions/{{completion_id}}": "infer" for verb in ("GET", "DELETE")},
        **dict.fromkeys(("POST /feedback", "DELETE /feedback/{feedback_id}"), "infer"),
        **dict.fromkeys(("POST /live/tickets", "POST /training/settings", "POST /training/settings/fits"), "read"),
        **dict.fromkeys(("GET /auth/keys", "POST /auth/keys", "DELETE /auth/keys/{key_id}"), "admin"),
        **dict.fromkeys(("GET /events/dead", "POST /events/dead/replay"), "admin"),
        "POST /events/dead/{letter_id}/replay": "admin",
    }
