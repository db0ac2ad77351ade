"""Declares the errors of every operation in the OpenAPI document: statuses by the kind of route, and their body."""

from collections.abc import Iterator, Mapping
from typing import Any

from shared.runtime.errors import PROBLEM
from shared.runtime.http.principal import SAFE_METHODS
from shared.runtime.http.routes import ROUTES, Route

MEANINGS = {
    400: "the request cannot be read, or is not permitted in this form",
    401: "no credential, or one that is invalid, expired or revoked",
    403: "the credential lacks the scope, or the request comes from another site",
    404: "nothing of this id or name is in the project",
    409: "the current state does not allow this",
    410: "its files were deleted",
    413: "the body is larger than the route permits",
    415: "the body is not of a type that the route reads",
    421: "the Host is not one of this platform's",
    422: "a field or parameter is invalid; `field`, `limit` and `remedy` say how to correct it",
    429: "a limit of the key or project is reached; retry after Retry-After seconds",
    503: "a service or dependency is unavailable or full; retry after Retry-After seconds",
    507: "the platform's disk is full",
}
TEXT, ANYTHING = {"type": "string"}, {"description": "the allowed values"}
PROBLEM_SCHEMA = {
    "title": "Problem",
    "description": "An error (RFC 9457). Some codes have further members, which the remedy explains.",
    "type": "object",
    "required": ["type", "title", "status", "code", "detail"],
    "properties": {
        **dict.fromkeys(("type", "title", "code", "detail", "field", "remedy", "trace_id"), TEXT),
        "status": {"type": "integer"},
        "limit": ANYTHING,
    },
}
OPENAI_SCHEMA = {
    "title": "OpenAIError",
    "description": "An error below /v1, in OpenAI's form.",
    "type": "object",
    "required": ["error"],
    "properties": {
        "error": {
            "type": "object",
            "required": ["message", "type", "param", "code"],
            "properties": {
                **dict.fromkeys(("message", "type", "code", "remedy", "trace_id"), TEXT),
                "param": {"type": ["string", "null"]},
                "limit": ANYTHING,
            },
        }
    },
}
SCHEMAS = {"Problem": PROBLEM_SCHEMA, "OpenAIError": OPENAI_SCHEMA}
VALIDATION = "Validation Error"
"""The description of FastAPI's own 422, whose body is not ours."""
_BY_OPERATION = {(route.method.lower(), route.pattern.replace(":path", "")): route for route in ROUTES}


def declare(paths: Mapping[str, Mapping[str, dict[str, Any]]]) -> None:
    """Add the errors to each operation, and that no credential is needed. What an operation declares itself stays."""
    for path, operations in paths.items():
        for method, operation in operations.items():
            if route := _BY_OPERATION.get((method, path)):
                operation["responses"] |= _errors(route, path, operation)
                if route.open:
                    operation["security"] = []
                if path.startswith("/v1/"):
                    operation["responses"].pop("422", None)  # OpenAI's clients know 400 only


def _errors(route: Route, path: str, operation: Mapping[str, Any]) -> dict[str, Any]:
    """References to COMPONENTS, but for errors that the operation describes itself."""
    form = "OpenAIError" if path.startswith("/v1/") else "Problem"
    found: dict[str, Any] = {}
    for status in sorted(set(_statuses(route, operation))):
        own = operation["responses"].get(str(status), {"description": VALIDATION})
        if own["description"] == VALIDATION:
            own = {"$ref": f"#/components/responses/{form}{status}"}
        elif "schema" not in str(own):
            own = {"description": own["description"], "content": _body(form)}
        found[str(status)] = own
    return found


def _body(form: str) -> dict[str, Any]:
    media_type = PROBLEM if form == "Problem" else "application/json"
    return {media_type: {"schema": {"$ref": f"#/components/schemas/{form}"}}}


COMPONENTS = {
    "responses": {
        f"{form}{status}": {"description": meaning, "content": _body(form)}
        for form in SCHEMAS
        for status, meaning in MEANINGS.items()
    }
}


def _statuses(route: Route, operation: Mapping[str, Any]) -> Iterator[int]:
    """The errors that an operation of this kind can answer."""
    yield from (400, 422, 503)
    if route.scope:
        yield from (401, 403, 421, 429)
    must_name = any(each["in"] == "query" and each.get("required") for each in operation.get("parameters", ()))
    if "{" in route.pattern or "requestBody" in operation or must_name:
        yield from (404, 409, 410)
    if route.method not in SAFE_METHODS:
        yield from (409, 413, 507)
    if "requestBody" in operation:
        yield 415
