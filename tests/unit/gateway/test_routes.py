"""The route table: the first match wins, and only listed routes are open."""

import pytest

from shared.runtime.http.routes import ROUTES, match


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
    found = match(path, "GET")
    assert found is not None
    assert found.service == service


def test_models_are_deleted_by_the_service_that_made_them() -> None:
    for path in ("/v1/models/model_1", "/v1/models/org/name"):
        assert [found.service for method in ("GET", "DELETE") if (found := match(path, method))] == [
            "inference",
            "training",
        ]


@pytest.mark.parametrize("path", ["", "/datasetsx", "/v1x/models", "/health", "/models", "//datasets", "/auth"])
def test_similar_paths_do_not_match(path: str) -> None:
    found = match(path, "GET")
    assert found is None or (path, found.service) == ("/models", "training")


def test_only_these_routes_are_open() -> None:
    opened = {route.pattern for route in ROUTES if route.open}
    assert opened == {"/", "/ui/**", "/docs", "/healthz", "/readyz", "/auth/sign-in"}


@pytest.mark.parametrize(
    ("method", "path", "scope"),
    [
        ("GET", "/datasets", "read"),
        ("POST", "/datasets/upload", "write"),
        ("DELETE", "/models/custom/m_1", "write"),
        ("POST", "/v1/chat/completions", "infer"),
        ("POST", "/v1/files", "write"),
        ("GET", "/v1/models/model_1", "infer"),
        ("DELETE", "/v1/models/model_1", "write"),
        ("GET", "/auth/keys", "admin"),
        ("POST", "/auth/keys", "admin"),
        ("DELETE", "/auth/keys/key_1", "admin"),
    ],
)
def test_required_scope(method: str, path: str, scope: str) -> None:
    found = match(path, method)
    assert found is not None
    assert found.required_scope(method) == scope
