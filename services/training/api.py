"""HTTP: the training room's routes."""

from fastapi import APIRouter

from services.training.base_models import api as api_models
from services.training.base_models.service import Bases
from services.training.custom_models.service import Catalog, CustomModels
from services.training.estimates import api as api_estimates
from services.training.jobs import api as api_jobs
from services.training.jobs.service import TrainingJobs
from services.training.openai import api as openai_api
from services.training.presets import api as api_presets
from services.training.presets.service import Presets
from services.training.workers import api as api_machine
from services.training.workers.machine_usage import MachineUse


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
