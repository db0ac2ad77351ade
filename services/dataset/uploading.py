"""The HTTP side of an upload: form fields and one file, in any order, in one pass over the body."""

from typing import Any

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError

from services.dataset.intake import Intake, Upload
from services.dataset.models import UploadForm
from shared.runtime.errors import InvalidInput
from shared.runtime.multipart import Multipart, Part, drain

OVERHEAD = 1 << 20
"""Bytes that boundaries and fields may add to a file."""

BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["file"],
                    "properties": {
                        "file": {
                            "type": "string",
                            "format": "binary",
                            "description": ".txt, .jsonl, .json, .csv, .parquet, or a .zip of these",
                        },
                        "name": {"type": "string", "minLength": 1, "maxLength": 120},
                        "mapping": {"type": "string", "description": "JSON object"},
                        "validation_share": {"type": "number", "minimum": 0, "maximum": 0.9, "default": 0.1},
                        "max_bad_share": {"type": "number", "minimum": 0, "maximum": 1, "default": 0.05},
                        "seed": {"type": "integer", "minimum": 0, "default": 0},
                        "heldout": {"type": "boolean", "default": False},
                    },
                }
            }
        },
    }
}
"""OpenAPI's description of the body, which FastAPI cannot know, since nothing may read it before we do."""

for _name, _field in UploadForm.model_fields.items():
    BODY["requestBody"]["content"]["multipart/form-data"]["schema"]["properties"][_name]["description"] = (
        _field.description
    )


async def receive_form(request: Request, intake: Intake, project: str) -> tuple[Upload, UploadForm]:
    """Store the file, check the fields; whatever is refused leaves nothing behind."""
    if int(request.headers.get("content-length") or 0) > intake.limit + OVERHEAD:
        raise intake.too_large()
    body = request.stream()
    try:
        return await _receive(Multipart(request.headers.get("content-type", ""), body), intake, project)
    except Exception:
        await drain(body)
        raise


async def _receive(form: Multipart, intake: Intake, project: str) -> tuple[Upload, UploadForm]:
    fields: dict[str, str] = {}
    upload: Upload | None = None
    try:
        async for part in form.parts():
            if part.filename is None:
                fields[part.name] = await part.text()
            else:
                _check_file(part, upload)
                checked(fields).options()
                upload = await intake.receive(project, part.filename, part.chunks)
        parsed = checked(fields)
        parsed.options()
        if upload is None:
            raise InvalidInput("There is no file.", field="file", remedy="curl -F file=@data.jsonl …/datasets/upload")
        return upload, parsed
    except BaseException:
        if upload is not None:
            await intake.discard(upload.key)
        raise


def _check_file(part: Part, earlier: Upload | None) -> None:
    if part.name != "file":
        raise InvalidInput(f"{part.name!r} cannot be a file.", field=part.name, remedy="Call the file's part `file`.")
    if earlier is not None:
        raise InvalidInput("Only one file can be uploaded.", field="file", limit=1, remedy="Put several into a .zip.")


def checked(fields: dict[str, str]) -> UploadForm:
    """The form fields in their types; wrong ones are answered as FastAPI would."""
    try:
        return UploadForm.model_validate(fields)
    except ValidationError as error:
        raise RequestValidationError(error.errors(include_url=False, include_input=False)) from error
