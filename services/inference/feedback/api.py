"""HTTP: feedback on stored chat completions."""

import json
from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import StreamingResponse

from services.inference.feedback.models import FeedbackRequest, FeedbackSummary, FeedbackView, Kind
from services.inference.feedback.service import FeedbackService
from shared.documents.entities import Page
from shared.feedback import LEFT_OUT_HEADER
from shared.runtime.http.principal import Caller

JSON_LINES = "application/x-ndjson"
MAX_MODELS = 50


def routes(feedback: FeedbackService) -> APIRouter:
    """Return the routes below /feedback."""
    router = APIRouter(tags=["Inference"])

    @router.post("/feedback")
    async def give_feedback(body: FeedbackRequest, caller: Caller) -> FeedbackView:
        """Rate a stored answer, or say which of two stored answers to the same prompt is better.

        Another verdict of the same caller on the same answers replaces the one before.
        """
        return FeedbackView.of(await feedback.give(caller, body))

    @router.get("/feedback")
    async def list_feedback(
        caller: Caller,
        kind: Kind | None = None,
        limit: Annotated[int, Query(ge=1, le=200, description="items per page")] = 50,
        cursor: Annotated[str | None, Query(description="next_cursor of the previous page")] = None,
    ) -> Page[FeedbackView]:
        """List the project's feedback, newest first."""
        page = await feedback.page(caller.project, kind, limit, cursor)
        return Page[FeedbackView](items=[FeedbackView.of(each) for each in page.items], next_cursor=page.next_cursor)

    @router.get("/feedback/summary")
    async def summarize_feedback(caller: Caller) -> FeedbackSummary:
        """Count the project's feedback by model, and the rows of a dataset of it."""
        return await feedback.summary(caller.project)

    @router.get("/feedback/rows", response_class=StreamingResponse)
    async def download_feedback_rows(
        caller: Caller,
        kind: Annotated[Kind, Query(description="preferences: chosen and rejected, for DPO; ratings: label, for KTO")],
        model: Annotated[
            list[str], Query(max_length=MAX_MODELS, description="only verdicts on answers of these models")
        ] = [],  # noqa: B006 - FastAPI copies it
    ) -> StreamingResponse:
        """Download the rows that feedback becomes, as JSON Lines. `POST /datasets/import` makes a dataset of them."""
        selected, lines = await feedback.rows(caller.project, kind, model)
        headers = {LEFT_OUT_HEADER: json.dumps(selected.left_out, sort_keys=True)}
        return StreamingResponse(lines, media_type=JSON_LINES, headers=headers)

    @router.delete("/feedback/{feedback_id}", status_code=204)
    async def delete_feedback(feedback_id: str, caller: Caller) -> None:
        """Delete feedback. Datasets that were made of it stay."""
        await feedback.delete(caller, feedback_id)

    return router
