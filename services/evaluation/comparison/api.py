"""HTTP routes of comparisons. They come before /evaluations/{id}, which would take `compare` for an id."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Response

from services.evaluation.comparison.formats import to_csv, to_markdown
from services.evaluation.comparison.models import Change, ChangePage, ComparisonView
from services.evaluation.comparison.service import Comparisons
from shared.runtime.http.principal import Caller

Id = Annotated[str, Query(max_length=100, description="id of a succeeded evaluation")]
TEXTS: dict[int | str, dict[str, Any]] = {
    200: {"content": {"text/csv": {"schema": {"type": "string"}}, "text/markdown": {"schema": {"type": "string"}}}}
}


def routes(comparisons: Comparisons) -> APIRouter:
    """Build the router."""
    router = APIRouter(tags=["Evaluation"])

    @router.get("/evaluations/compare", response_model=ComparisonView, responses=TEXTS)
    async def compare_evaluations(
        caller: Caller,
        ids: Annotated[
            str,
            Query(max_length=1000, description="evaluations, separated by commas; the others are tested on the first"),
        ],
        format: Annotated[Literal["json", "csv", "markdown"], Query(description="form of the response")] = "json",
    ) -> ComparisonView | Response:
        """Compare evaluations of the same rows and settings: leaderboards with intervals and paired tests."""
        view = await comparisons.compare(caller.project, [id.strip() for id in ids.split(",") if id.strip()])
        if format == "csv":
            return Response(to_csv(view), media_type="text/csv")
        return Response(to_markdown(view), media_type="text/markdown") if format == "markdown" else view

    @router.get("/evaluations/compare/rows", response_model=ChangePage)
    async def list_changed_rows(
        caller: Caller,
        baseline: Id,
        candidate: Id,
        metric: Annotated[str, Query(max_length=100, description="a score, such as exact_match")],
        change: Annotated[Change, Query(description="which rows: better, worse, or with the same score")] = "worse",
        offset: Annotated[int, Query(ge=0, description="rows to skip")] = 0,
        limit: Annotated[int, Query(ge=1, le=200, description="maximum number of items")] = 50,
    ) -> ChangePage:
        """List the rows whose score changed between two evaluations, with both answers."""
        return await comparisons.changes(caller.project, baseline, candidate, metric, change, offset, limit)

    return router
