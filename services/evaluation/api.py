"""HTTP routes of the evaluation service."""

from typing import Annotated

from fastapi import APIRouter, Header, Query, Response

from services.evaluation.models import EvaluationRequest, EvaluationView, PredictionPage, RowKind
from services.evaluation.predictions import Selection
from services.evaluation.service import EvaluationService
from shared.documents.entities import Page
from shared.runtime.http.principal import Caller

IdempotencyKey = Annotated[
    str | None, Header(max_length=200, description="a repeated key returns the same evaluation instead of a second one")
]
Limit = Annotated[int, Query(ge=1, le=200, description="maximum number of items")]


def routes(service: EvaluationService) -> APIRouter:
    """Build the service's router."""
    router = APIRouter(tags=["Evaluation"])

    @router.post("/models/custom/{id}/evaluate", status_code=202, response_model=EvaluationView)
    async def evaluate_model(
        id: str, caller: Caller, response: Response, body: EvaluationRequest, idempotency_key: IdempotencyKey = None
    ) -> EvaluationView:
        """Queue an evaluation of a custom model and its base model on a split."""
        evaluation = await service.request(caller.project, id, body, key=idempotency_key)
        response.headers["Location"] = f"/evaluations/{evaluation.id}"
        return EvaluationView.of(evaluation)

    @router.get("/evaluations", response_model=Page[EvaluationView])
    async def list_evaluations(
        caller: Caller,
        model_id: Annotated[str | None, Query(description="only evaluations of this custom model")] = None,
        limit: Limit = 50,
        cursor: Annotated[str | None, Query(description="next_cursor of the previous page")] = None,
    ) -> Page[EvaluationView]:
        """List the project's evaluations, newest first."""
        page = await service.page(caller.project, model_id, limit, cursor)
        views = [EvaluationView.of(evaluation) for evaluation in page.items]
        return Page[EvaluationView](items=views, next_cursor=page.next_cursor)

    _add_evaluation(router, service)
    return router


def _add_evaluation(router: APIRouter, service: EvaluationService) -> None:
    """Add the routes of one evaluation."""

    @router.get("/evaluations/{id}", response_model=EvaluationView)
    async def show_evaluation(id: str, caller: Caller) -> EvaluationView:
        """Show state, progress, and the scores of a succeeded evaluation."""
        return EvaluationView.of(await service.get(caller.project, id))

    @router.get("/evaluations/{id}/predictions", response_model=PredictionPage)
    async def list_predictions(
        id: str,
        caller: Caller,
        offset: Annotated[int, Query(ge=0, description="rows to skip")] = 0,
        limit: Limit = 50,
        sort: Annotated[
            str, Query(max_length=101, description="row, or a score; with the prefix -: descending")
        ] = "row",
        kind: Annotated[
            RowKind | None,
            Query(
                description="only rows that the tuned model answered worse (regressed) or better (improved) than the "
                "base model, not at all (empty), or with neither JSON nor a label where the references are (invalid)"
            ),
        ] = None,
        metric: Annotated[
            str | None,
            Query(max_length=40, description="the score by which rows regressed or improved; default: any of them"),
        ] = None,
    ) -> PredictionPage:
        """List the rows: prompt, reference, both answers, their scores."""
        return await service.predictions(caller.project, id, Selection(offset, limit, sort, kind, metric))

    @router.post("/evaluations/{id}/cancel", response_model=EvaluationView)
    async def cancel_evaluation(id: str, caller: Caller) -> EvaluationView:
        """Cancel a queued or running evaluation. Idempotent."""
        return EvaluationView.of(await service.cancel(caller.project, id))

    @router.delete("/evaluations/{id}", status_code=204)
    async def delete_evaluation(id: str, caller: Caller) -> None:
        """Delete an ended evaluation with its report."""
        await service.delete(caller.project, id)
