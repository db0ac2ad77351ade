"""Errors with codes, and their translation into RFC 9457 problem+json."""

import errno
import re
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from shared.runtime.telemetry.tracing import trace_id

PROBLEM = "application/problem+json"


class AnnealError(Exception):
    """An error with a stable code and an HTTP status on its class.

    `field` names the wrong field, `limit` the allowed values, `remedy` the solution; `extra` is added to the body.
    """

    status: ClassVar[int] = 500
    code: ClassVar[str] = "internal_error"
    headers: ClassVar[dict[str, str]] = {}

    def __init__(
        self,
        detail: str,
        *,
        field: str | None = None,
        limit: Any = None,
        remedy: str | None = None,
        **extra: Any,
    ) -> None:
        super().__init__(detail)
        self.detail, self.field, self.limit, self.remedy, self.extra = detail, field, limit, remedy, extra

    def problem(self) -> dict[str, Any]:
        """The problem+json members of this error, without empty ones."""
        body = {
            "type": f"https://anneal.dev/errors/{self.code}",
            "title": self.code.replace("_", " ").capitalize(),
            "status": self.status,
            "code": self.code,
            "detail": self.detail,
            "field": self.field,
            "limit": self.limit,
            "remedy": self.remedy,
            "trace_id": trace_id(),
            **self.extra,
        }
        return {name: value for name, value in body.items() if value is not None}


class InvalidInput(AnnealError):
    """A field of the request is invalid."""

    status = 422
    code = "invalid_input"


class NotFound(AnnealError):
    """The id does not exist in this project."""

    status = 404
    code = "not_found"


class Conflict(AnnealError):
    """The current state does not allow this."""

    status = 409
    code = "conflict"


class Unavailable(AnnealError):
    """A dependency is unavailable or full; retry later."""

    status = 503
    code = "unavailable"
    headers: ClassVar[dict[str, str]] = {"Retry-After": "5"}


class Misconfigured(AnnealError):
    """Invalid or inconsistent settings."""

    status = 500
    code = "misconfigured"


class StorageFull(AnnealError):
    """The platform's disk is full."""

    status = 507
    code = "disk_full"


DISK_REMEDY = "Free space where the platform keeps its data, then send it again."


def disk_is_full(error: Exception) -> bool:
    """Whether the disk or the quota is full."""
    return isinstance(error, StorageFull) or (
        isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)
    )


def answer(error: AnnealError, path: str = "") -> JSONResponse:
    """The HTTP response of an error; below /v1 in OpenAI's format, so that its clients raise their own exceptions."""
    if path.startswith("/v1/"):
        status = 400 if error.status == InvalidInput.status else error.status
        return JSONResponse(_as_openai(error), status, headers=dict(error.headers))
    return JSONResponse(error.problem(), error.status, media_type=PROBLEM, headers=dict(error.headers))


OPENAI_TYPES = {401: "authentication_error", 403: "permission_error", 404: "not_found_error", 429: "rate_limit_error"}


def in_sentences(detail: str, remedy: str | None) -> str:
    """Detail and remedy as one text."""
    text = detail if detail.endswith((".", "!", "?")) else f"{detail}."
    return f"{text} {remedy}" if remedy else text


def _as_openai(error: AnnealError) -> dict[str, Any]:
    """`{"error": {message, type, param, code}}` with our remedy, limit and trace id beside them."""
    kind = OPENAI_TYPES.get(error.status, "invalid_request_error" if error.status < 500 else "server_error")
    message = in_sentences(error.detail, error.remedy)
    extras = {name: value for name, value in error.problem().items() if name in ("limit", "remedy", "trace_id")}
    return {"error": {"message": message, "type": kind, "param": error.field, "code": error.code, **extras}}


JSON_REMEDY = "Send one JSON object, encoded in UTF-8, with Content-Type: application/json."
NO_OBJECT = ("missing", "model_attributes_type", "model_type", "dict_type")
"""pydantic's types of errors where a body is not an object."""
INTERNAL = ("field_type", "actual_length")
"""Parts of pydantic's errors that are no limits."""
UNKNOWN_FIELD = "There is no such field"
CONFLICT = "conflict"
"""Type of an error of fields that exclude each other; its context names the `field` to leave out."""


def _from_validation(error: RequestValidationError) -> AnnealError:
    """Describe the first invalid field, its limit and the remedy; list the others."""
    broken = next((item for item in error.errors() if item["type"] == "json_invalid"), None)
    if broken and not (
        broken["loc"] and isinstance(broken["loc"][-1], str)
    ):  # a form field with JSON has its name there
        reason = (broken.get("ctx") or {}).get("error", "it ends too early")
        position = f" (character {broken['loc'][-1]})" if broken["loc"] else ""
        return InvalidInput(f"The body is not JSON: {reason}{position}.", field="body", remedy=JSON_REMEDY)
    if any(item["loc"] in ((), ("body",)) and item["type"] in NO_OBJECT for item in error.errors()):
        return InvalidInput("The body is empty or not a JSON object.", field="body", remedy=JSON_REMEDY)
    found = invalid_fields(error.errors(), error.body)
    first, others = found[0], len(found) > 1
    remedy = "Check its spelling, or leave it out" if first["detail"] == UNKNOWN_FIELD else f"Correct {first['field']}"
    return InvalidInput(
        f"{first['field']}: {first['detail']}",
        field=first["field"],
        limit=first["limit"] or None,
        remedy=f"{remedy} and send the request again; /docs lists every field with its limits.",
        errors=found if others else None,
    )


def invalid_fields(errors: Sequence[Any], body: Any) -> list[dict[str, Any]]:
    """`field` (as the caller wrote it), `detail` and `limit` of each invalid field of `body`, from pydantic's errors.

    Their locations begin with "body".
    """
    found: dict[str, dict[str, Any]] = {}
    for item in errors:
        context = item.get("ctx") or {}
        conflicts = item["type"] == CONFLICT
        field = context["field"] if conflicts else _field(item["loc"], body, item["type"] == "missing")
        message = _message(item["msg"])
        limit = {k: v for k, v in context.items() if isinstance(v, str | int | float | list) and k not in INTERNAL}
        if field not in found:
            found[field] = {"field": field, "detail": message, "limit": {} if conflicts else limit}
        elif _alternative(message) not in found[field]["detail"]:  # of a union: each says what the value should be
            found[field]["detail"] += f", or {_alternative(message)}"
            found[field]["limit"] |= limit
    for field in [outer for outer in found if any(inner.startswith(f"{outer}.") for inner in found)]:
        del found[field]  # of a union's alternatives, the one that was meant went further
    return list(found.values())


def _field(location: Sequence[str | int], body: Any, missing: bool = False) -> str:
    """The field as the caller wrote it: a location without the names of pydantic's types, which only a union has.

    The last part of the location of a `missing` field is its name.
    """
    source = location[0] if location else ""
    path = location[1:] if source in ("body", "query", "path", "header") else location
    names: list[str] = []
    value: Any = body if source == "body" else None
    for index, part in enumerate(path):
        if isinstance(value, Mapping) and (part in value or (missing and index == len(path) - 1)):
            value = value.get(part)
        elif isinstance(value, list) and isinstance(part, int):
            value = value[part] if part < len(value) else None
        elif index and source == "body":
            continue  # a type's name: nothing of the caller's is below a value
        names.append(str(part))
    return ".".join(names) or "body"


def _alternative(message: str) -> str:
    return message.removeprefix("Input should be ").removeprefix("String should ")


def _message(text: str) -> str:
    """pydantic's message without its own terms."""
    text = text.removeprefix("Value error, ").replace("Extra inputs are not permitted", UNKNOWN_FIELD)
    if text.startswith("Value should have"):  # of a text that a function checks
        text = text.replace(" item", " character", 1)
    text = re.sub(r"\w+ should have (at \w+ \d+ \w+) after validation, not (\w+)", r"\1 may be given, not \2", text)
    return re.sub(r"a valid dictionary( or object to extract fields from| or instance of \w+)?", "a JSON object", text)


def install_problem_handlers(app: FastAPI) -> None:
    """Turn every error of `app` into a problem+json response."""

    @app.exception_handler(AnnealError)
    async def _coded(request: Request, error: AnnealError) -> JSONResponse:
        return answer(error, request.url.path)

    @app.exception_handler(RequestValidationError)
    async def _invalid(request: Request, error: RequestValidationError) -> JSONResponse:
        return answer(_from_validation(error), request.url.path)

    @app.exception_handler(HTTPException)
    async def _http(request: Request, error: HTTPException) -> JSONResponse:
        return _with_headers(answer(_from_http(request, error), request.url.path), error)

    @app.exception_handler(OSError)
    async def _full(request: Request, error: OSError) -> JSONResponse:
        if error.errno in (errno.EMFILE, errno.ENFILE):
            remedy = "Try again in a few seconds; the operator raises `ulimit -n`."
            return answer(Unavailable("The server has too many files open.", remedy=remedy), request.url.path)
        if not disk_is_full(error):
            raise error
        return answer(StorageFull("The disk is full.", remedy=DISK_REMEDY), request.url.path)

    @app.exception_handler(Exception)
    async def _unexpected(request: Request, error: Exception) -> JSONResponse:
        remedy = "Look for the trace_id in the log, and report it."
        return answer(AnnealError("An unexpected error occurred.", remedy=remedy), request.url.path)


class _Http(AnnealError):
    """An error raised by the web framework."""

    def __init__(self, detail: str, status: int) -> None:
        super().__init__(detail)
        self.status = status  # type: ignore[misc]
        self.code = {404: "not_found", 405: "method_not_allowed"}.get(status, "http_error")  # type: ignore[misc]


def _from_http(request: Request, error: HTTPException) -> AnnealError:
    if error.detail == "There was an error parsing the body":  # FastAPI's; the parser itself gave up
        detail = "The body cannot be read: it is nested too deeply, or has a number with too many digits."
        return InvalidInput(detail, field="body", remedy=JSON_REMEDY)
    return _Http(f"{request.method} {request.url.path}: {error.detail}", error.status_code)


def _with_headers(response: JSONResponse, error: HTTPException) -> JSONResponse:
    response.headers.update(error.headers or {})
    return response
