"""Joining API descriptions."""

from typing import Any

from services.gateway.openapi import merge


def described(path: str, schema: dict[str, Any]) -> dict[str, Any]:
    reference = {"$ref": "#/components/schemas/Page"}
    operation = {"responses": {"200": {"content": {"application/json": {"schema": reference}}}}}
    return {"paths": {path: {"get": operation}}, "components": {"schemas": {"Page": schema}}}


def answer_of(merged: dict[str, Any], path: str) -> dict[str, Any]:
    reference = merged["paths"][path]["get"]["responses"]["200"]["content"]["application/json"]["schema"]["$ref"]
    schema: dict[str, Any] = merged["components"]["schemas"][reference.rsplit("/", 1)[1]]
    return schema


def test_schemas_of_one_name_stay_apart_when_they_differ() -> None:
    merged = merge({"dataset": described("/a", {"title": "A"}), "export": described("/b", {"title": "B"})}, version="1")
    assert answer_of(merged, "/a") == {"title": "A"}
    assert answer_of(merged, "/b") == {"title": "B"}


def test_schemas_that_agree_are_one() -> None:
    merged = merge({"dataset": described("/a", {"title": "A"}), "export": described("/b", {"title": "A"})}, version="1")
    assert list(merged["components"]["schemas"]) == ["Page"]


def test_two_rooms_may_share_a_path() -> None:
    post = {"paths": {"/a": {"post": {}}}}
    merged = merge({"dataset": described("/a", {}), "export": post}, version="1")
    assert set(merged["paths"]["/a"]) == {"get", "post"}


def test_uploads_are_files() -> None:
    upload = {"type": "string", "contentMediaType": "application/octet-stream"}
    merged = merge({"dataset": described("/a", {"properties": {"file": upload}})}, version="1")
    assert answer_of(merged, "/a")["properties"]["file"] == {"type": "string", "format": "binary"}
