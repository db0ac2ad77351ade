"""HTTP: reproductions of custom models."""

from typing import Annotated

from fastapi import APIRouter, Query

from services.training.jobs.views import JobView
from services.training.parameters import Key
from services.training.reproductions.report import Reproduction
from services.training.reproductions.service import Reproductions
from shared.runtime.http.principal import Caller

TOLERANCE = 0.02
Tolerance = Annotated[
    float, Query(ge=0, le=100, description="largest difference of two losses that count as the same, nats per token")
]


def routes(reproductions: Reproductions) -> APIRouter:
    """The routes that repeat a model's training and compare the results."""
    router = APIRouter()

    @router.post("/models/custom/{id}/reproduce", status_code=201, tags=["Model"])
    async def reproduce_custom_model(id: str, caller: Caller, key: Key = None) -> JobView:
        """Queue a job that trains the model again, from the recorded dataset version, base model, settings and seed."""
        return await reproductions.submit(caller.project, id, key)

    @router.get("/training/jobs/{id}/reproduction", tags=["Training"])
    async def get_reproduction(id: str, caller: Caller, tolerance: Tolerance = TOLERANCE) -> Reproduction:
        """How the model of such a job compares with the original: weights, losses, and what differed in the runs."""
        return await reproductions.report(caller.project, id, tolerance)

    return router
