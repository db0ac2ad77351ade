"""Errors with codes, and their translation into RFC 9457 problem+json."""

import errno
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


class StorageFull(AnnealError):
    """The platform's disk is full."""

    status = 507
    code = "disk_full"


def disk_is_full(error: Exception) -> bool:
    """Whether the disk or the quota is full."""
    return isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)


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


def _from_validation(error: RequestValidationError) -> AnnealError:
    """Describe the first invalid field, its limit and the remedy; list the others."""
    found = [
        {
            "field": ".".join(str(part) for part in item["loc"] if part not in ("body", "query", "path")) or "body",
            "detail": item["msg"],
            "limit": {k: v for k, v in (item.get("ctx") or {}).items() if isinstance(v, str | int | float | list)},
        }
        for item in error.errors()
    ]
    first = found[0]
    limit = first["limit"] or None
    return InvalidInput(
        f"{first['field']}: {first['detail']}",
        field=str(first["field"]),
        limit=limit,
        remedy=f"Correct {first['field']} and send the request again; /docs lists every field with its limits.",
        errors=found if len(found) > 1 else None,
    )


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
        if not disk_is_full(error):
            raise error
        remedy = "Free space where the platform keeps its data, then send it again."
        return answer(StorageFull("The disk is full.", remedy=remedy), request.url.path)

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
    return _Http(f"{request.method} {request.url.path}: {error.detail}", error.status_code)


def _with_headers(response: JSONResponse, error: HTTPException) -> JSONResponse:
    response.headers.update(error.headers or {})
    return response
