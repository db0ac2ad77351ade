"""Merging the services' OpenAPI documents."""

from typing import Any

from services.gateway.openapi import merge


def document(path: str, schema: dict[str, Any]) -> dict[str, Any]:
    reference = {"$ref": "#/components/schemas/Page"}
    operation = {"responses": {"200": {"content": {"application/json": {"schema": reference}}}}}
    return {"paths": {path: {"get": operation}}, "components": {"schemas": {"Page": schema}}}


def response_schema(merged: dict[str, Any], path: str) -> dict[str, Any]:
    reference = merged["paths"][path]["get"]["responses"]["200"]["content"]["application/json"]["schema"]["$ref"]
    schema: dict[str, Any] = merged["components"]["schemas"][reference.rsplit("/", 1)[1]]
    return schema


def test_different_schemas_of_one_name_are_both_kept() -> None:
    merged = merge({"dataset": document("/a", {"title": "A"}), "export": document("/b", {"title": "B"})}, version="1")
    assert response_schema(merged, "/a") == {"title": "A"}
    assert response_schema(merged, "/b") == {"title": "B"}


def test_equal_schemas_are_merged() -> None:
    merged = merge({"dataset": document("/a", {"title": "A"}), "export": document("/b", {"title": "A"})}, version="1")
    assert sorted(merged["components"]["schemas"]) == ["OpenAIError", "Page", "Problem"]


def test_two_services_can_share_a_path() -> None:
    post = {"paths": {"/a": {"post": {}}}}
    merged = merge({"dataset": document("/a", {}), "export": post}, version="1")
    assert set(merged["paths"]["/a"]) == {"get", "post"}


def test_uploads_are_binary_files() -> None:
    upload = {"type": "string", "contentMediaType": "application/octet-stream"}
    merged = merge({"dataset": document("/a", {"properties": {"file": upload}})}, version="1")
    assert response_schema(merged, "/a")["properties"]["file"] == {"type": "string", "format": "binary"}
