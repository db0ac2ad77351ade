"""HTTP: deployments."""

from typing import Annotated

from fastapi import APIRouter, Header, Query
from pydantic import BaseModel, Field

from services.inference.deployments.models import DeploymentView
from services.inference.deployments.service import Deployments
from shared.documents.entities import Page
from shared.runtime.http.principal import Caller

Key = Annotated[str | None, Header(alias="Idempotency-Key", max_length=200, description="repeat safely")]
Limit = Annotated[int, Query(ge=1, le=200, description="entries of a page")]
Cursor = Annotated[str | None, Query(description="next_cursor of the page before")]


class DeploymentRequest(BaseModel):
    """What to deploy."""

    model_id: str = Field(min_length=1, description="a model id, or the unique name of a custom model")
    pinned: bool | None = Field(default=None, description="true: never evict it to make room; null: as it is, else no")


def routes(deployments: Deployments) -> APIRouter:
    """The routes below /deployments."""
    router = APIRouter(prefix="/deployments", tags=["Inference"])

    @router.post("", status_code=202)
    async def create_deployment(body: DeploymentRequest, caller: Caller, key: Key = None) -> DeploymentView:
        """Load a model and keep it ready. It is `ready` once it has answered a first time."""
        return deployments.view(await deployments.deploy(caller.project, body.model_id, key, pinned=body.pinned))

    @router.get("")
    async def list_deployments(caller: Caller, limit: Limit = 50, cursor: Cursor = None) -> Page[DeploymentView]:
        """Deployments, newest first."""
        page = await deployments.page(caller.project, limit, cursor)
        return Page[DeploymentView](items=[deployments.view(item) for item in page.items], next_cursor=page.next_cursor)

    @router.get("/{deployment_id}")
    async def show_deployment(deployment_id: str, caller: Caller) -> DeploymentView:
        """State of one deployment."""
        return deployments.view(await deployments.get(caller.project, deployment_id))

    @router.delete("/{deployment_id}", status_code=204)
    async def delete_deployment(deployment_id: str, caller: Caller) -> None:
        """Undeploy: the model leaves memory. It can still be asked, and is then loaded again."""
        await deployments.undeploy(caller.project, deployment_id)

    return router
