"""HTTP: what a training job would need."""

from fastapi import APIRouter

from services.training.estimates.requests import EstimateRequest
from services.training.estimates.service import Estimator
from services.training.estimates.views import Estimate
from shared.runtime.http.principal import Caller


def routes(estimator: Estimator) -> APIRouter:
    """The route /training/estimate."""
    router = APIRouter(prefix="/training", tags=["Training"])

    @router.post("/estimate")
    async def estimate_training_job(request: EstimateRequest, caller: Caller) -> Estimate:
        """Memory by part, tokens and time of this job, whether the machine has it, and what would fit instead.

        Nothing is queued. The rows are tokenized the first time (at most 4,000 of them), so that may take seconds. With
        `dry_run` two steps are really taken, and what they took is told beside.
        """
        return await estimator.estimate(caller.project, request)

    return router
