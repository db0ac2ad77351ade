"""Merges the services' OpenAPI documents into one, from which a typed client can be generated."""

import asyncio
import json
from collections.abc import Mapping
from typing import Any

import structlog

from services.gateway import openapi_errors
from services.gateway.upstreams import Upstreams
from shared.runtime.http.principal import Principal

log = structlog.get_logger(__name__)

OpenApiDocument = dict[str, Any]
TAGS = {
    "Dataset": "Upload, validate, split and browse datasets.",
    "Model": "Base models, and the custom models trained from them.",
    "Training": "Jobs, presets, logs and metrics.",
    "Evaluation": "Scores of a custom model compared with its base model.",
    "Export": "Verified model files to download.",
    "Inference": "Deployments, and the OpenAI-compatible API.",
    "Webhooks": "Signed notifications of events, their delivery log, and replay.",
    "System": "API keys, sign-in, live updates, health.",
}
REFERENCE = "#/components/schemas/"
KEY_SCHEME = {"type": "http", "scheme": "bearer", "description": "an API key: `Authorization: Bearer anneal_…`"}
COOKIE_SCHEME = {"type": "apiKey", "in": "cookie", "name": "anneal_session", "description": "a browser session"}


async def collect(upstreams: Upstreams, own: OpenApiDocument) -> dict[str, OpenApiDocument]:
    """Fetch each service's document and add `own` for the gateway; log and omit a service that does not respond."""
    names = sorted(set(upstreams.by_service) - {"gateway"})
    found = await asyncio.gather(*(_fetch(upstreams, name) for name in names))
    described = {name: description for name, description in zip(names, found, strict=True) if description}
    return {**described, "gateway": own}


async def _fetch(upstreams: Upstreams, service: str) -> OpenApiDocument | None:
    try:
        response = await upstreams.get(service, "/openapi.json", Principal("gateway"))
        description: OpenApiDocument = response.raise_for_status().json()
        return description
    except Exception:
        log.warning("openapi_fetch_failed", service=service, exc_info=True)
        return None


def merge(descriptions: Mapping[str, OpenApiDocument], version: str) -> OpenApiDocument:
    """Merge the documents. A schema name that two services define differently is prefixed with the service's name."""
    paths: dict[str, Any] = {}
    schemas: dict[str, Any] = {}
    for service, description in descriptions.items():
        own = _uploads_as_files(_rename_conflicts(service, description, schemas))
        schemas.update(own.get("components", {}).get("schemas", {}))
        for path, operations in own.get("paths", {}).items():
            paths[path] = {**paths.get(path, {}), **operations}
    openapi_errors.declare(paths)
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Anneal", "version": version, "description": "Fine-tune language models on your own data."},
        "tags": [{"name": name, "description": text} for name, text in TAGS.items()],
        "security": [{"key": []}, {"session": []}],
        "paths": dict(sorted(paths.items())),
        "components": {
            **openapi_errors.COMPONENTS,
            "schemas": dict(sorted((schemas | openapi_errors.SCHEMAS).items())),
            "securitySchemes": {"key": KEY_SCHEME, "session": COOKIE_SCHEME},
        },
    }


def _rename_conflicts(service: str, description: OpenApiDocument, taken: Mapping[str, Any]) -> OpenApiDocument:
    """Prefix the schemas whose names are taken by a different definition."""
    schemas = description.get("components", {}).get("schemas", {})
    conflicts = {name for name, schema in schemas.items() if name in taken and taken[name] != schema}
    text = json.dumps(description)
    for name in conflicts:
        text = text.replace(f'"{REFERENCE}{name}"', f'"{REFERENCE}{service.capitalize()}{name}"')
    renamed: OpenApiDocument = json.loads(text)
    own = renamed.get("components", {}).get("schemas", {})
    for name in conflicts:
        own[f"{service.capitalize()}{name}"] = own.pop(name)
    return renamed


def _uploads_as_files(node: Any) -> Any:
    """Mark uploaded files as `format: binary`, which client generators support better than contentMediaType."""
    if isinstance(node, list):
        return [_uploads_as_files(item) for item in node]
    if not isinstance(node, dict):
        return node
    if node.get("contentMediaType") == "application/octet-stream":
        rest = {name: value for name, value in node.items() if name != "contentMediaType"}
        return {**rest, "format": "binary"}
    return {name: _uploads_as_files(value) for name, value in node.items()}
