"""Parses an upload request: form fields and one file, in any order, in one pass over the body."""

from copy import deepcopy
from typing import Any, Protocol, Self, TypeVar, get_args

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError

from services.dataset.formats import DATA_EXTENSIONS, EXTENSIONS, Encoding, extension_of
from services.dataset.models import Options, UploadForm
from services.dataset.upload_store import Upload, UploadStore
from shared.runtime.errors import InvalidInput
from shared.runtime.http.multipart import Multipart, Part, drain

MAX_FORM_OVERHEAD_BYTES = 1 << 20
"""What multipart boundaries and form fields may add to the size of a file."""

FILE = {
    "type": "string",
    "format": "binary",
    "description": f"{', '.join(DATA_EXTENSIONS)}, a text format with .gz, or a .zip of these",
}
BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["file"],
                    "properties": {
                        "file": FILE,
                        "name": {"type": "string", "minLength": 1, "maxLength": 120},
                        "mapping": {"type": "string", "description": "JSON object"},
                        "validation_share": {"type": "number", "minimum": 0, "maximum": 0.9, "default": 0.1},
                        "max_bad_share": {"type": "number", "minimum": 0, "maximum": 1, "default": 0.05},
                        "seed": {"type": "integer", "minimum": 0, "default": 0},
                        "heldout": {"type": "boolean", "default": False},
                        "encoding": {"type": "string", "enum": list(get_args(Encoding)), "default": "utf-8"},
                    },
                }
            }
        },
    }
}
"""OpenAPI description of the body. FastAPI cannot derive it, since the route parses the body itself."""

for _name, _field in UploadForm.model_fields.items():
    BODY["requestBody"]["content"]["multipart/form-data"]["schema"]["properties"][_name]["description"] = (
        _field.description
    )


def body_with(properties: dict[str, Any]) -> dict[str, Any]:
    """Return the description of a body with further fields."""
    body = deepcopy(BODY)
    body["requestBody"]["content"]["multipart/form-data"]["schema"]["properties"] |= properties
    return body


class Form(Protocol):
    """Form fields as a pydantic model."""

    @classmethod
    def model_validate(cls, obj: Any) -> Self:
        """Parse the fields."""

    def options(self) -> Options:
        """Return the options that are part of the version. Raises InvalidInput."""


F = TypeVar("F", bound=Form)


async def receive_form(
    request: Request, uploads: UploadStore, project: str, form_type: type[F], *, extension: str = ""
) -> tuple[Upload, F]:
    """Store the file and parse the fields. On an error, the stored file is deleted.

    `extension` is appended to a file name without a known extension.
    """
    if int(request.headers.get("content-length") or 0) > uploads.limit + MAX_FORM_OVERHEAD_BYTES:
        raise uploads.too_large()
    body = request.stream()
    try:
        form = Multipart(request.headers.get("content-type", ""), body)
        return await _receive(form, uploads, project, form_type, extension)
    except Exception:
        await drain(body)
        raise


async def _receive(
    form: Multipart, uploads: UploadStore, project: str, form_type: type[F], extension: str
) -> tuple[Upload, F]:
    fields: dict[str, str] = {}
    upload: Upload | None = None
    try:
        async for part in form.parts():
            if part.filename is None:
                fields[part.name] = await part.text()
            else:
                _check_file(part, upload)
                parse_fields(fields, form_type).options()
                name = part.filename if extension_of(part.filename) in EXTENSIONS else part.filename + extension
                upload = await uploads.save(project, name, part.chunks)
        parsed = parse_fields(fields, form_type)
        parsed.options()
        if upload is None:
            raise InvalidInput(
                "The request has no file.", field="file", remedy="curl -F file=@data.jsonl …/datasets/upload"
            )
        return upload, parsed
    except BaseException:
        if upload is not None:
            await uploads.discard(upload.key)
        raise


def _check_file(part: Part, earlier: Upload | None) -> None:
    if part.name != "file":
        raise InvalidInput(
            f"{part.name!r} cannot be a file.", field=part.name, remedy="Name the part with the file `file`."
        )
    if earlier is not None:
        raise InvalidInput(
            "Only one file can be uploaded.", field="file", limit=1, remedy="Upload several files as a .zip."
        )


def parse_fields(fields: dict[str, str], form_type: type[F]) -> F:
    """Parse the form fields. Raises RequestValidationError, as FastAPI does."""
    try:
        return form_type.model_validate(fields)
    except ValidationError as error:
        raise RequestValidationError(error.errors(include_url=False, include_input=False)) from error
