"""Errors of request bodies speak of the caller's fields: no names of types, no positions of a parser."""

from typing import Annotated, Any, Literal

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from pydantic import BaseModel, ConfigDict, Field

from shared.runtime.errors import install_problem_handlers
from shared.runtime.http.display_name import DisplayName
from tests.support.data_cases import data_case


class Part(BaseModel):
    type: Literal["text"]
    text: str


class StrictPart(Part):
    model_config = ConfigDict(extra="forbid")


class Body(BaseModel):
    part: StrictPart | None = None
    count: Literal["auto"] | Annotated[int, Field(ge=1)] = "auto"
    content: str | list[Part] = ""
    title: DisplayName | None = Field(default=None, max_length=3)
    names: list[Annotated[str, Field(pattern="^[a-z]+$")]] | Literal["all"] = "all"


@pytest.fixture
def client() -> TestClient:
    app = FastAPI()
    install_problem_handlers(app)

    @app.post("/bodies")
    def _post(body: Body) -> None: ...

    return TestClient(app)


@data_case("API", "A number below its limit where `auto` is allowed, too", "422 with the field and both alternatives")
def test_alternatives_are_one_error(client: TestClient) -> None:
    problem = client.post("/bodies", json={"count": 0}).json()
    assert problem["field"] == "count"
    assert problem["detail"] == "count: Input should be 'auto', or greater than or equal to 1"
    assert problem["limit"] == {"expected": "'auto'", "ge": 1}


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"content": 5}, "content"),
        ({"content": [{"type": "text"}]}, "content.0.text"),
        ({"names": ["a", "B"]}, "names.1"),
        ({"content": {"type": "text", "text": "a"}}, "content"),
    ],
)
def test_field_is_named_as_the_caller_wrote_it(client: TestClient, body: dict[str, Any], field: str) -> None:
    assert client.post("/bodies", json=body).json()["field"] == field


@data_case("API", "A field that the request does not have", "422 that says so, and to check its spelling")
def test_unknown_field_is_named(client: TestClient) -> None:
    problem = client.post("/bodies", json={"part": {"type": "text", "text": "a", "kind": 1}}).json()
    assert problem["detail"] == "part.kind: There is no such field"
    assert problem["remedy"].startswith("Check its spelling, or leave it out")


def test_lengths_of_validated_texts_are_in_characters(client: TestClient) -> None:
    assert client.post("/bodies", json={"title": "abcd"}).json()["detail"] == (
        "title: at most 3 characters may be given, not 4"
    )


def test_objects_are_called_json(client: TestClient) -> None:
    assert client.post("/bodies", json={"part": 5}).json()["detail"] == "part: Input should be a JSON object"


@pytest.mark.parametrize("raw", ["", "null", "[]", '"text"'])
def test_body_that_is_not_an_object_is_named(client: TestClient, raw: str) -> None:
    problem = client.post("/bodies", content=raw, headers={"Content-Type": "application/json"}).json()
    assert (problem["field"], problem["detail"]) == ("body", "The body is empty or not a JSON object.")


@pytest.mark.parametrize("raw", ["[" * 100_000, '{"count": ' + "9" * 5_000 + "}"])
def test_body_that_the_parser_gives_up_is_named(client: TestClient, raw: str) -> None:
    problem = client.post("/bodies", content=raw, headers={"Content-Type": "application/json"}).json()
    assert (problem["status"], problem["field"], bool(problem["remedy"])) == (422, "body", True)


@data_case("API", "A body that is not JSON", "422 with the parser's reason and the position", "any client")
@pytest.mark.parametrize("raw", ["{bad", '{"count": }', "{'count': 1}"])
def test_body_that_is_not_json_is_named(client: TestClient, raw: str) -> None:
    problem = client.post("/bodies", content=raw, headers={"Content-Type": "application/json"}).json()
    assert problem["field"] == "body"
    assert problem["detail"].startswith("The body is not JSON: ")
    assert "Correct" not in problem["remedy"]
