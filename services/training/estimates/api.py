"""HTTP: estimates of training jobs."""

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
        """Estimate a job's memory by part, its tokens and its time, and whether it fits on the machine.

        Nothing is queued. The first estimate for a dataset tokenizes up to 4,000 of its rows, which may take seconds.
        With `dry_run`, two real steps are taken, and the response also has what they measured.
        """
        return await estimator.estimate(caller.project, request)

    return router
