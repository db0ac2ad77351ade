"""HTTP routes of judgements. They come before /evaluations/{id}, which would take `judgements` for an id."""

from typing import Annotated

from fastapi import APIRouter, Header, Query, Response

from services.evaluation.judgements.models import JudgementRequest, JudgementView
from services.evaluation.judgements.service import Judgements
from shared.documents.entities import Page
from shared.runtime.http.principal import Caller
from shared.runtime.http.secrets import KIND_HEADER

Key = Annotated[str | None, Header(alias="Idempotency-Key", max_length=200, description="repeat safely")]


def routes(judgements: Judgements) -> APIRouter:
    """Build the router."""
    router = APIRouter(prefix="/evaluations/judgements", tags=["Evaluation"])

    @router.post("", status_code=202)
    async def create_judgement(
        body: JudgementRequest, caller: Caller, response: Response, key: Key = None
    ) -> JudgementView:
        """Let a model compare the answers of two models to the same rows, each row in both orders."""
        run = await judgements.request(caller.project, body, key)
        response.headers["Location"] = f"/evaluations/judgements/{run.id}"
        if body.judge.api_key:
            response.headers[KIND_HEADER] = "API key"
        return JudgementView.of(run)

    @router.get("")
    async def list_judgements(
        caller: Caller, limit: Annotated[int, Query(ge=1, le=200)] = 50, cursor: str | None = None
    ) -> Page[JudgementView]:
        """List the project's judgements, newest first, without results."""
        page = await judgements.page(caller.project, limit, cursor)
        return Page[JudgementView](items=[JudgementView.of(run) for run in page.items], next_cursor=page.next_cursor)

    @router.get("/{id}")
    async def show_judgement(
        id: str,
        caller: Caller,
        result: Annotated[bool, Query(description="false: only state and progress, which is faster")] = True,
    ) -> JudgementView:
        """Show state, progress, and the result of the rows that are judged so far."""
        run = await judgements.get(caller.project, id)
        return JudgementView.of(run, await judgements.result(run) if result else None)

    @router.post("/{id}/cancel")
    async def cancel_judgement(id: str, caller: Caller) -> JudgementView:
        """Cancel a judgement. Rows that are judged stay. Idempotent."""
        return JudgementView.of(await judgements.cancel(caller.project, id))

    return router
