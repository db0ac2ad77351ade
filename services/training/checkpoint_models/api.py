"""HTTP: publish a job's checkpoint as a custom model."""

from typing import Annotated

from fastapi import APIRouter
from fastapi import Path as PathParameter

from services.training.checkpoint_models.service import CheckpointModels
from services.training.checkpoint_models.views import CheckpointModelView
from shared.runtime.http.principal import Caller

Step = Annotated[int, PathParameter(ge=1, le=2**53, description="step of a checkpoint that the job has")]


def routes(models: CheckpointModels) -> APIRouter:
    """The routes below /training/jobs/{id}/checkpoints."""
    router = APIRouter(prefix="/training/jobs/{id}/checkpoints/{step}", tags=["Training"])

    @router.post("/model", status_code=202)
    async def publish_checkpoint(id: str, step: Step, caller: Caller) -> CheckpointModelView:
        """Publish a checkpoint as a custom model, also of a job that runs, waits or ended without a model.

        Repeatable; after a failure it is tried again.
        """
        return CheckpointModelView.of(await models.publish(caller.project, id, step))

    @router.get("/model")
    async def get_checkpoint_publication(id: str, step: Step, caller: Caller) -> CheckpointModelView:
        """How far the publication of a checkpoint is."""
        return CheckpointModelView.of(await models.get(caller.project, id, step))

    return router
