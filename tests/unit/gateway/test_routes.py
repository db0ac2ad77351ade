"""The route table: the first match wins, and nothing is open by accident."""

import pytest

from services.gateway.routes import ROUTES, match


@pytest.mark.parametrize(
    ("path", "room"),
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
def test_a_path_leads_to_its_room(path: str, room: str) -> None:
    found = match(path)
    assert found is not None
    assert found.service == room


@pytest.mark.parametrize("path", ["", "/datasetsx", "/v1x/models", "/health", "/models", "//datasets", "/auth"])
def test_what_only_looks_like_a_path_leads_nowhere_or_to_the_right_room(path: str) -> None:
    found = match(path)
    assert found is None or (path, found.service) == ("/models", "training")


def test_only_these_are_open() -> None:
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
        ("GET", "/auth/keys", "admin"),
        ("POST", "/auth/keys", "admin"),
        ("DELETE", "/auth/keys/key_1", "admin"),
    ],
)
def test_what_a_request_needs(method: str, path: str, scope: str) -> None:
    found = match(path)
    assert found is not None
    assert found.required_scope(method) == scope
