"""HTTP route of imports."""

from typing import Any

from fastapi import APIRouter, Request, Response

from services.evaluation.imports.form import request_body
from services.evaluation.imports.service import Imports
from services.evaluation.models import EvaluationView
from shared.runtime.http.multipart import Multipart, drain
from shared.runtime.http.principal import Caller

EXISTING: dict[int | str, dict[str, Any]] = {
    200: {"model": EvaluationView, "description": "the evaluation that the same files gave before, or a dry run's"}
}


def routes(imports: Imports) -> APIRouter:
    """Build the router."""
    router = APIRouter(tags=["Evaluation"])

    @router.post("/evaluations/import", status_code=201, responses=EXISTING, openapi_extra=request_body())
    async def import_evaluation(request: Request, response: Response, caller: Caller) -> EvaluationView:
        """Import what lm-eval found for one task: its scores are computed anew from the samples."""
        body = request.stream()
        try:
            form = Multipart(request.headers.get("content-type", ""), body)
            evaluation, created = await imports.add(caller.project, form)
        except Exception:
            await drain(body)
            raise
        response.status_code = 201 if created else 200
        response.headers["Location"] = f"/evaluations/{evaluation.id}"
        return EvaluationView.of(evaluation)

    return router
