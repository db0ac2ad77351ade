"""The HTTP route of previews."""

from typing import Any

from fastapi import APIRouter, Request

from services.dataset.previews.models import PreviewForm, UploadPreview
from services.dataset.previews.service import Previews
from services.dataset.upload_form import body_with, receive_form
from shared.runtime.http.principal import Caller


def routes(previews: Previews) -> APIRouter:
    """Build the router of previews."""
    router = APIRouter(prefix="/datasets", tags=["Dataset"])

    @router.post("/upload/preview", openapi_extra=_body())
    async def preview_upload(request: Request, caller: Caller) -> UploadPreview:
        """Show how the upload of a file would be read, from at most 16 MiB of it; nothing is kept.

        Raw rows and what they become, the encoding and the delimiter found, the columns, and mappings for files whose
        columns match no layout. Send the beginning of a larger text file with `complete=false`.
        """
        upload, form = await receive_form(request, previews.uploads, caller.project, PreviewForm)
        return await previews.preview(caller.project, upload, form)

    return router


def _body() -> dict[str, Any]:
    fields = {name: PreviewForm.model_fields[name] for name in ("detect_encoding", "complete")}
    return body_with(
        {name: {"type": "boolean", "default": True, "description": field.description} for name, field in fields.items()}
    )
