"""One API description out of the rooms' own, as a typed client is generated from it."""

import asyncio
import json
from collections.abc import Mapping
from typing import Any

import structlog

from services.gateway.targets import Rooms
from shared.runtime.http.principal import Principal

log = structlog.get_logger(__name__)

Description = dict[str, Any]
TAGS = {
    "Dataset": "Upload, validate, split and look at data.",
    "Model": "Base models and the custom models made from them.",
    "Training": "Jobs, presets, logs and metrics.",
    "Evaluation": "Scores of a custom model beside its base.",
    "Export": "Checked files to take away.",
    "Inference": "Deployments, and the API that OpenAI's clients know.",
    "System": "Keys, sign-in, live updates, health.",
}
REFERENCE = "#/components/schemas/"
KEY_SCHEME = {"type": "http", "scheme": "bearer", "description": "an API key: `Authorization: Bearer anneal_…`"}
COOKIE_SCHEME = {"type": "apiKey", "in": "cookie", "name": "anneal_session", "description": "a signed-in browser"}


async def collect(rooms: Rooms, own: Description) -> dict[str, Description]:
    """Each room's description by room name beside our own; a room that does not answer is left out and logged."""
    names = sorted(set(rooms.targets) - {"gateway"})
    found = await asyncio.gather(*(_ask(rooms, name) for name in names))
    described = {name: description for name, description in zip(names, found, strict=True) if description}
    return {**described, "gateway": own}


async def _ask(rooms: Rooms, room: str) -> Description | None:
    try:
        response = await rooms.ask(room, "/openapi.json", Principal("gateway"))
        description: Description = response.raise_for_status().json()
        return description
    except Exception:
        log.warning("room_not_described", room=room, exc_info=True)
        return None


def merge(descriptions: Mapping[str, Description], version: str) -> Description:
    """One description. A schema name that two rooms use differently gets the room in front."""
    paths: dict[str, Any] = {}
    schemas: dict[str, Any] = {}
    for room, description in descriptions.items():
        own = _uploads_as_files(_apart(room, description, schemas))
        schemas.update(own.get("components", {}).get("schemas", {}))
        for path, operations in own.get("paths", {}).items():
            paths[path] = {**paths.get(path, {}), **operations}
    return {
        "openapi": "3.1.0",
        "info": {"title": "Anneal", "version": version, "description": "Fine-tune language models on your own data."},
        "tags": [{"name": name, "description": text} for name, text in TAGS.items()],
        "security": [{"key": []}, {"session": []}],
        "paths": dict(sorted(paths.items())),
        "components": {
            "schemas": dict(sorted(schemas.items())),
            "securitySchemes": {"key": KEY_SCHEME, "session": COOKIE_SCHEME},
        },
    }


def _apart(room: str, description: Description, taken: Mapping[str, Any]) -> Description:
    """The description with those schemas renamed whose names mean something else already."""
    schemas = description.get("components", {}).get("schemas", {})
    clashes = {name for name, schema in schemas.items() if name in taken and taken[name] != schema}
    text = json.dumps(description)
    for name in clashes:
        text = text.replace(f'"{REFERENCE}{name}"', f'"{REFERENCE}{room.capitalize()}{name}"')
    renamed: Description = json.loads(text)
    own = renamed.get("components", {}).get("schemas", {})
    for name in clashes:
        own[f"{room.capitalize()}{name}"] = own.pop(name)
    return renamed


def _uploads_as_files(node: Any) -> Any:
    """`format: binary` for uploaded files, which client generators know better than contentMediaType."""
    if isinstance(node, list):
        return [_uploads_as_files(item) for item in node]
    if not isinstance(node, dict):
        return node
    if node.get("contentMediaType") == "application/octet-stream":
        rest = {name: value for name, value in node.items() if name != "contentMediaType"}
        return {**rest, "format": "binary"}
    return {name: _uploads_as_files(value) for name, value in node.items()}
