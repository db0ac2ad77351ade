"""HTTP routes of curation."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Response

from services.dataset.curation.models import DeduplicateRequest, Difference, Duplicates, ExcludeRequest, Kind
from services.dataset.curation.service import Curator
from services.dataset.models import DatasetVersion
from services.dataset.service import DatasetService
from services.dataset.views import DatasetView
from shared.runtime.errors import InvalidInput
from shared.runtime.http.principal import Caller

EDIT_WAIT_S = 30.0
"""How long a request waits for its version before it answers 202."""
SEARCH_WAIT_S = 30.0
EDIT_RESPONSES: dict[int | str, dict[str, Any]] = {
    200: {"model": DatasetView, "description": "this version was made before"},
    202: {"model": DatasetView, "description": "still being made; poll Location"},
    422: {
        "content": {"application/problem+json": {}},
        "description": "no row matches, none would be left, or there is no such row",
    },
}


def routes(service: DatasetService, curator: Curator) -> APIRouter:
    """Build the router of curation."""
    router = APIRouter(prefix="/datasets/{dataset_id}", tags=["Dataset"])
    _add_edits(router, service, curator)
    _add_comparisons(router, service, curator)
    return router


def _add_edits(router: APIRouter, service: DatasetService, curator: Curator) -> None:
    """Add the routes that make versions."""

    @router.post("/exclude", status_code=201, responses=EDIT_RESPONSES)
    async def exclude_rows(caller: Caller, dataset_id: str, request: ExcludeRequest, response: Response) -> DatasetView:
        """Make a version without some rows; it becomes the current one, and the other version stays as it is.

        Rows keep their ids, sources and splits. The same request is the same version.
        """
        scoped = service.for_project(caller.project)
        return await _finished(scoped, response, *await curator.exclude(scoped, dataset_id, request))

    @router.post("/deduplicate", status_code=201, responses=EDIT_RESPONSES)
    async def deduplicate_rows(
        caller: Caller, dataset_id: str, request: DeduplicateRequest, response: Response
    ) -> DatasetView:
        """Make a version without repeated rows; it becomes the current one, and the other version stays as it is.

        Of equal rows one stays: the first one in test, else in validation, else in train.
        """
        scoped = service.for_project(caller.project)
        return await _finished(scoped, response, *await curator.deduplicate(scoped, dataset_id, request))


def _add_comparisons(router: APIRouter, service: DatasetService, curator: Curator) -> None:
    """Add the routes that compare versions, and rows of a version."""

    @router.get("/diff")
    async def diff_versions(
        caller: Caller,
        dataset_id: str,
        before: Annotated[str, Query(description="the earlier version")],
        after: Annotated[str | None, Query(description="the later version; default: the current one")] = None,
        kind: Annotated[Kind | None, Query(description="only these rows; default: all that differ")] = None,
        offset: Annotated[int, Query(ge=0)] = 0,
        limit: Annotated[int, Query(ge=1, le=100)] = 20,
    ) -> Difference:
        """Compare two versions: rows added, removed, changed (same prompt, other answer) or moved to another split."""
        scoped = service.for_project(caller.project)
        versions = [await scoped.require_ready(dataset_id, version) for version in (before, after)]
        if versions[0].fingerprint == versions[1].fingerprint:
            remedy = f"Name two versions; GET /datasets/{dataset_id} lists them."
            raise InvalidInput("A version does not differ from itself.", field="before", remedy=remedy)
        return await curator.difference(versions[0], versions[1], kind, offset, limit)

    @router.get(
        "/duplicates",
        responses={202: {"description": "still searching; retry after Retry-After seconds"}},
        response_model=Duplicates,
    )
    async def find_duplicates(
        caller: Caller,
        dataset_id: str,
        version: Annotated[str | None, Query(description="a version; default: the current one")] = None,
    ) -> Any:
        """Find equal and nearly equal rows, and held-out rows whose prompt is in train."""
        found = await service.for_project(caller.project).require_ready(dataset_id, version)
        return await curator.duplicates(found, SEARCH_WAIT_S) or Response(status_code=202, headers={"Retry-After": "5"})


async def _finished(scoped: DatasetService, response: Response, version: DatasetVersion, created: bool) -> DatasetView:
    """Wait for a version, as an upload does. Raises what it was refused for."""
    version = await scoped.wait_until_final(version, EDIT_WAIT_S)
    if version.final and version.dataset_state != "ready":
        raise await scoped.withdraw(version)
    response.headers["Location"] = f"/datasets/{version.dataset_id}"
    response.status_code = (201 if created else 200) if version.final else 202
    if not version.final:
        response.headers["Retry-After"] = "2"
    return await scoped.show(version.dataset_id)
