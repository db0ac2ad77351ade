"""Query parameters that a route does not have are refused by every service, and never ignored."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Annotated

import httpx
import pytest
from fastapi import APIRouter, Query

from shared.runtime.http.server import operations
from shared.runtime.resources import open_resources
from shared.runtime.service import Service, web_app
from shared.runtime.settings import Settings
from tests.support.data_cases import data_case
from tests.support.signing import SignedAs


@pytest.fixture
async def client(tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    router = APIRouter()

    @router.get("/training/jobs")
    @router.get("/v1/fine_tuning/jobs")
    def _jobs(state: str = "", metadata: Annotated[str | None, Query(alias="metadata[key]")] = None) -> str:
        return state

    @router.get("/training/recipes")
    def _recipes(model: Annotated[list[str], Query(max_length=2)] = []) -> list[str]:  # noqa: B006
        return model

    @router.post("/training/jobs")
    def _post() -> None: ...

    @router.get("/models/available", include_in_schema=False)
    def _page() -> None: ...

    async with open_resources(Settings(home=tmp_path)) as resources:
        app = web_app(Service("training", router), resources)
        app.include_router(operations(resources))
        async with httpx.AsyncClient(
            transport=httpx.ASGITransport(app), base_url="http://service", auth=SignedAs(resources)
        ) as http:
            yield http


@data_case("API", "A query parameter that the request does not have (`?stat=failed`)", "422 with the parameters it has")
async def test_unknown_parameter_is_refused(client: httpx.AsyncClient) -> None:
    refused = await client.get("/training/jobs?stat=failed")
    problem = refused.json()
    assert (refused.status_code, problem["code"], problem["field"]) == (422, "invalid_input", "stat")
    assert problem["limit"] == ["state", "metadata[key]"]
    assert problem["remedy"] == "Did you mean state?"


async def test_list_has_a_parameter_for_each_entry(client: httpx.AsyncClient) -> None:
    answer = await client.get("/training/recipes?model=one&model=two")
    assert (answer.status_code, answer.json()) == (200, ["one", "two"])


async def test_unknown_parameter_below_v1_has_openai_shape(client: httpx.AsyncClient) -> None:
    refused = await client.get("/v1/fine_tuning/jobs?order=asc")
    error = refused.json()["error"]
    assert (refused.status_code, error["code"], error["param"]) == (400, "invalid_input", "order")
    assert error["message"].endswith("Leave order out.")


@pytest.mark.parametrize("name", ["metadata", "metadata[team", "metadata[]", "metadata[a]b", "xmetadata[a]"])
async def test_malformed_key_is_refused(client: httpx.AsyncClient, name: str) -> None:
    refused = await client.get("/training/jobs", params={name: "a"})
    assert (refused.status_code, refused.json()["field"]) == (422, name)
    assert refused.json()["remedy"] == "Did you mean metadata[key]?"


async def test_known_parameters_are_read(client: httpx.AsyncClient) -> None:
    found = await client.get("/training/jobs?state=failed&metadata[team]=x&metadata[a.b]=y")
    assert found.json() == "failed"


@data_case("API", "A query parameter that is given twice", "422: one value")
async def test_parameter_given_twice_is_refused(client: httpx.AsyncClient) -> None:
    refused = await client.get("/training/jobs?state=failed&state=queued")
    assert (refused.status_code, refused.json()["detail"]) == (422, "state is given 2 times.")


async def test_routes_without_parameters_say_so(client: httpx.AsyncClient) -> None:
    problem = (await client.post("/training/jobs?foo=1")).json()
    assert problem["detail"] == "This request has no query parameter 'foo'. It has none."


@pytest.mark.parametrize("path", ["/models/available", "/healthz", "/readyz", "/metrics"])
async def test_pages_and_probes_ignore_parameters(client: httpx.AsyncClient, path: str) -> None:
    assert (await client.get(f"{path}?time=1")).status_code == 200
