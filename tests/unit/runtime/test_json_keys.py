"""A JSON body that gives a key twice is refused by every service."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import APIRouter
from pydantic import BaseModel

from shared.json_keys import RepeatedKey, unique_keys
from shared.runtime.resources import open_resources
from shared.runtime.service import Service, web_app
from shared.runtime.settings import Settings
from tests.support.data_cases import data_case
from tests.support.signing import SignedAs


class Body(BaseModel):
    name: str = ""
    more: Any = None


@pytest.fixture
async def client(tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    router = APIRouter()

    @router.post("/training/jobs")
    @router.post("/v1/fine_tuning/jobs")
    def _post(body: Body) -> str:
        return body.name

    async with open_resources(Settings(home=tmp_path)) as resources:
        app = web_app(Service("training", router), resources)
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://service", auth=SignedAs(resources)) as http:
            yield http


@data_case("API", "A JSON body that gives a key twice", "422 with the key; elsewhere the last one wins unnoticed")
@pytest.mark.parametrize(
    "body", ['{"name": "a", "name": "b"}', '{"more": [{"name": 1, "name" : 1}]}', '{"name": "a", "n\\u0061me": "b"}']
)
async def test_repeated_key_is_refused(client: httpx.AsyncClient, body: str) -> None:
    headers = {"Content-Type": "application/json"}
    refused = await client.post("/training/jobs", content=body, headers=headers)
    problem = refused.json()
    assert (refused.status_code, problem["code"], problem["field"]) == (422, "invalid_input", "name")
    assert problem["remedy"]
    assert (await client.post("/v1/fine_tuning/jobs", content=body, headers=headers)).status_code == 400


async def test_the_same_key_in_several_objects_is_not_repeated(client: httpx.AsyncClient) -> None:
    answer = await client.post(
        "/training/jobs", json={"name": "a", "more": [{"name": 1}, {"name": 2, "more": {"name": 3}}]}
    )
    assert (answer.status_code, answer.json()) == (200, "a")


class CountingKey(str):
    """A key that counts its comparisons."""

    compared = 0
    __hash__ = str.__hash__

    def __eq__(self, other: object) -> bool:
        CountingKey.compared += 1
        return str.__eq__(self, str(other))


def test_a_repeated_key_among_many_is_named_in_one_pass() -> None:
    keys = [CountingKey(f"k{number}") for number in range(3000)]
    with pytest.raises(RepeatedKey) as found:
        unique_keys([(key, None) for key in [*keys, CountingKey("k2999")]])
    assert found.value.key == "k2999"
    assert CountingKey.compared < 10 * len(keys)
