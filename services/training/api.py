"""HTTP: the training service's routes."""

from fastapi import APIRouter

from services.training.base_models import api as base_models_api
from services.training.base_models.catalog import Catalog
from services.training.base_models.service import BaseModels
from services.training.checkpoint_models import api as checkpoint_models_api
from services.training.checkpoint_models.service import CheckpointModels
from services.training.custom_models import api as custom_models_api
from services.training.custom_models.service import CustomModels
from services.training.estimates import api as estimates_api
from services.training.estimates.service import Estimator
from services.training.jobs import api as jobs_api
from services.training.jobs.service import TrainingJobs
from services.training.openai import api as openai_api
from services.training.presets import api as presets_api
from services.training.presets.service import Presets
from services.training.references import References
from services.training.reproductions import api as reproductions_api
from services.training.reproductions.service import Reproductions
from services.training.resolved_settings import api as resolved_settings_api
from services.training.resolved_settings.service import SettingsResolver
from services.training.workers import api as workers_api
from services.training.workers.machine_usage import MachineUsage


def routes(
    jobs: TrainingJobs,
    estimator: Estimator,
    presets: Presets,
    machine_usage: MachineUsage,
    catalog: Catalog,
    base_models: BaseModels,
    custom_models: CustomModels,
    references: References,
    reproductions: Reproductions,
    checkpoint_models: CheckpointModels,
    resolver: SettingsResolver,
) -> APIRouter:
    """Every route of the training service."""
    router = APIRouter()
    for part in (
        workers_api.routes(machine_usage),
        jobs_api.routes(jobs),
        checkpoint_models_api.routes(checkpoint_models),
        presets_api.routes(presets),
        base_models_api.routes(catalog, base_models),
        custom_models_api.routes(custom_models),
        reproductions_api.routes(reproductions),
        estimates_api.routes(estimator),
        resolved_settings_api.routes(resolver),
        openai_api.routes(jobs, checkpoint_models),
        openai_api.model_routes(custom_models, references),
    ):
        router.include_router(part)
    return router
