"""HTTP: deployments."""

from typing import Annotated

from fastapi import APIRouter, Header, Query
from pydantic import BaseModel, ConfigDict, Field

from services.inference.deployments.models import DeploymentView
from services.inference.deployments.service import Deployments
from shared.documents.entities import Page
from shared.runtime.http.principal import Caller

Key = Annotated[
    str | None, Header(alias="Idempotency-Key", max_length=200, description="makes the request safe to retry")
]
Limit = Annotated[int, Query(ge=1, le=200, description="items per page")]
Cursor = Annotated[str | None, Query(description="next_cursor of the previous page")]


class DeploymentRequest(BaseModel):
    """A request to deploy a model."""

    model_config = ConfigDict(extra="forbid")

    model_id: str = Field(min_length=1, description="a model id, or the unique name of a custom model")
    pinned: bool | None = Field(
        default=None,
        description="true: never evict it to free memory; null: keep the current setting, false for a new deployment",
    )


def routes(deployments: Deployments) -> APIRouter:
    """Return the routes below /deployments."""
    router = APIRouter(prefix="/deployments", tags=["Inference"])

    @router.post("", status_code=202)
    async def create_deployment(body: DeploymentRequest, caller: Caller, key: Key = None) -> DeploymentView:
        """Load a model and keep it loaded. The deployment is `ready` once the model has decoded its first token."""
        return deployments.view(await deployments.deploy(caller.project, body.model_id, key, pinned=body.pinned))

    @router.get("")
    async def list_deployments(caller: Caller, limit: Limit = 50, cursor: Cursor = None) -> Page[DeploymentView]:
        """List deployments, newest first."""
        page = await deployments.page(caller.project, limit, cursor)
        return Page[DeploymentView](items=[deployments.view(item) for item in page.items], next_cursor=page.next_cursor)

    @router.get("/{deployment_id}")
    async def show_deployment(deployment_id: str, caller: Caller) -> DeploymentView:
        """Show one deployment."""
        return deployments.view(await deployments.get(caller.project, deployment_id))

    @router.delete("/{deployment_id}", status_code=204)
    async def delete_deployment(deployment_id: str, caller: Caller) -> None:
        """Undeploy a model and free its memory. It can still be requested, and is then loaded again."""
        await deployments.undeploy(caller.project, deployment_id)

    return router
