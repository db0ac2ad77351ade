"""HTTP: the audit log as pages, and as JSON Lines."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query
from fastapi.responses import StreamingResponse
from pydantic import AwareDatetime, BeforeValidator

from services.gateway.audit.trail import AuditLog, logged
from services.gateway.audit_lines import AuditLine, AuditView
from services.gateway.auth.keys import OPERATOR
from shared.documents.entities import EntityStore, Page
from shared.runtime.http.principal import Caller, Principal

JSON_LINES = "application/x-ndjson"
EXPORT_PAGE = 500


def _refuse_number(text: str) -> str:
    """Raise ValueError for a number: pydantic would read `2026` as seconds since 1970."""
    if text.lstrip("+-").replace(".", "", 1).isdecimal():
        raise ValueError("a number is not a time; write 2026-11-30T09:00:00Z")
    return text


Time = Annotated[AwareDatetime, BeforeValidator(_refuse_number)]


def selection(
    subject: Annotated[str | None, Query(max_length=200, description="only lines of this subject")] = None,
    resource: Annotated[str | None, Query(max_length=200, description="only lines about this id")] = None,
    action: Annotated[
        str | None,
        Query(max_length=200, description="only actions that begin with this: `DELETE /datasets`"),
    ] = None,
    since: Annotated[Time | None, Query(description="only lines from this time on")] = None,
    until: Annotated[Time | None, Query(description="only lines from before this time")] = None,
) -> dict[str, Any]:
    """FastAPI dependency: the filter of a request."""
    where: dict[str, Any] = {"subject": subject, "resource_id": resource}
    where = {name: value for name, value in where.items() if value is not None}
    if action:
        where["action"] = {"$gte": action, "$lt": action + "\uffff"}
    if period := {name: _stored(time) for name, time in (("$gte", since), ("$lt", until)) if time}:
        where["created_at"] = period
    return where


Selection = Annotated[dict[str, Any], Depends(selection)]


def routes(store: EntityStore[AuditLine], log: AuditLog) -> APIRouter:
    """Return the routes. An admin sees the lines of its project, the operator all."""
    router = APIRouter(tags=["System"])

    @router.get("/audit")
    async def list_audit_lines(
        caller: Caller, where: Selection, limit: Annotated[int, Query(ge=1, le=500)] = 50, cursor: str | None = None
    ) -> Page[AuditView]:
        """List the audit log, newest first."""
        await logged(log.flush)
        page = await _visible(store, caller).page(where, limit=limit, cursor=cursor)
        return Page[AuditView](items=[view_of(line) for line in page.items], next_cursor=page.next_cursor)

    @router.get(
        "/audit/export",
        response_class=StreamingResponse,
        responses={200: {"description": "one line per entry, oldest first", "content": {JSON_LINES: {}}}},
    )
    async def export_audit_lines(caller: Caller, where: Selection) -> StreamingResponse:
        """Download the audit log as JSON Lines, oldest first."""
        await logged(log.flush)
        headers = {"Content-Disposition": 'attachment; filename="audit.jsonl"', "Cache-Control": "no-store"}
        return StreamingResponse(_lines(_visible(store, caller), where), media_type=JSON_LINES, headers=headers)

    return router


def view_of(line: AuditLine) -> AuditView:
    """The line as it is shown."""
    return AuditView.model_validate(line.model_dump())


async def _lines(store: EntityStore[AuditLine], where: dict[str, Any]) -> AsyncIterator[str]:
    cursor = None
    while True:
        page = await store.page(where, limit=EXPORT_PAGE, cursor=cursor, oldest_first=True)
        yield "".join(view_of(line).model_dump_json() + "\n" for line in page.items)
        if (cursor := page.next_cursor) is None:
            return


def _visible(store: EntityStore[AuditLine], caller: Principal) -> EntityStore[AuditLine]:
    return store if caller.scopes == OPERATOR else store.for_project(caller.project)


def _stored(time: datetime) -> str:
    """The time as text that sorts among stored ones, which end with Z."""
    return time.astimezone(UTC).isoformat(timespec="microseconds").removesuffix("+00:00")
