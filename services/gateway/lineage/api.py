"""HTTP: the lineage of a resource."""

from typing import Annotated

from fastapi import APIRouter, Query

from services.gateway.lineage.graph import Lineage, LineageGraph
from shared.runtime.http.principal import Caller

Id = Annotated[str, Query(min_length=1, max_length=200, description="of any resource; `<id>@<version>` of a dataset")]


def routes(graph: LineageGraph) -> APIRouter:
    """The route of the read model."""
    router = APIRouter(tags=["System"])

    @router.get("/lineage")
    async def show_lineage(caller: Caller, id: Id) -> Lineage:
        """Everything that a resource was made from and that was made from it: datasets, jobs, models and their uses."""
        return await graph.lineage(caller.project, id)

    return router
