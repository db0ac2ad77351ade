"""HTTP: the training room's routes."""

from fastapi import APIRouter

from services.training import api_jobs, api_machine, api_presets, openai_api
from services.training.bases import api as api_models
from services.training.bases.custom_models import Catalog, CustomModels
from services.training.bases.service import Bases
from services.training.estimates import api as api_estimates
from services.training.machine_use import MachineUse
from services.training.presets import Presets
from services.training.service import TrainingJobs


def routes(
    jobs: TrainingJobs, presets: Presets, machine: MachineUse, catalog: Catalog, bases: Bases, models: CustomModels
) -> APIRouter:
    """Every route of the room."""
    router = APIRouter()
    router.include_router(api_machine.routes(machine))
    parts = (api_jobs.routes(jobs), api_presets.routes(presets), api_models.routes(catalog, bases, models))
    for part in (*parts, api_estimates.routes(jobs), openai_api.routes(jobs)):
        router.include_router(part)
    return router
