"""HTTP routes of imports."""

from typing import Annotated

from fastapi import APIRouter, Query, Response

from services.dataset.imports.requests import ImportRequest
from services.dataset.imports.service import Imports
from services.dataset.imports.views import ImportView
from shared.documents.entities import Page
from shared.runtime.http.principal import Caller
from shared.runtime.http.secrets import KIND_HEADER, secret_kind


def routes(imports: Imports) -> APIRouter:
    """Build the router of imports. It comes before that of datasets, whose path would match these."""
    router = APIRouter(prefix="/datasets", tags=["Dataset"])

    @router.post("/import", status_code=202)
    async def import_dataset(caller: Caller, request: ImportRequest, response: Response) -> ImportView:
        """Import a dataset from the Hugging Face Hub, an object store or a web address, in the background.

        Poll Location: downloading, then validating as an upload, then ready. An import continues after a restart of
        the platform. The same content with the same options is the same version.
        """
        view = await imports.request(caller, request)
        response.headers["Location"] = f"/datasets/imports/{view.id}"
        response.headers["Retry-After"] = "1"
        if kind := secret_kind(request.token, request.uri or request.url):
            response.headers[KIND_HEADER] = kind
        return view

    @router.get("/imports")
    async def list_imports(
        caller: Caller, limit: Annotated[int, Query(ge=1, le=200)] = 50, cursor: str | None = None
    ) -> Page[ImportView]:
        """List imports, newest first."""
        return await imports.page(caller.project, limit, cursor)

    @router.get("/imports/{import_id}")
    async def get_import(caller: Caller, import_id: str) -> ImportView:
        """Show an import: its progress, and the dataset that it became."""
        return await imports.show(caller.project, import_id)

    @router.delete("/imports/{import_id}")
    async def cancel_import(caller: Caller, import_id: str) -> ImportView:
        """Stop a download. A dataset that is being validated already is deleted with DELETE /datasets/{id}."""
        return await imports.cancel(caller.project, import_id)

    return router
