"""The HTTP side of an upload: form fields and one file, in any order, in one pass over the body."""

from typing import Any, Protocol, Self, TypeVar

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError

from services.dataset.formats import EXTENSIONS, extension_of
from services.dataset.intake import Intake, Upload
from services.dataset.models import Options, UploadForm
from shared.runtime.errors import InvalidInput
from shared.runtime.http.multipart import Multipart, Part, drain

OVERHEAD = 1 << 20
"""Bytes that boundaries and fields may add to a file."""

FILE = {
    "type": "string",
    "format": "binary",
    "description": ".txt, .jsonl, .json, .csv, .parquet, or a .zip of these",
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


class Form(Protocol):
    """Form fields as a pydantic model."""

    @classmethod
    def model_validate(cls, obj: Any) -> Self:
        """The fields in their types."""

    def options(self) -> Options:
        """What shapes the version; may refuse."""


F = TypeVar("F", bound=Form)


async def receive_form(
    request: Request, intake: Intake, project: str, kind: type[F], *, extension: str = ""
) -> tuple[Upload, F]:
    """Store the file, check the fields; whatever is refused leaves nothing behind.

    `extension` is what a file name without a known one gets.
    """
    if int(request.headers.get("content-length") or 0) > intake.limit + OVERHEAD:
        raise intake.too_large()
    body = request.stream()
    try:
        form = Multipart(request.headers.get("content-type", ""), body)
        return await _receive(form, intake, project, kind, extension)
    except Exception:
        await drain(body)
        raise


async def _receive(form: Multipart, intake: Intake, project: str, kind: type[F], extension: str) -> tuple[Upload, F]:
    fields: dict[str, str] = {}
    upload: Upload | None = None
    try:
        async for part in form.parts():
            if part.filename is None:
                fields[part.name] = await part.text()
            else:
                _check_file(part, upload)
                checked(fields, kind).options()
                name = part.filename if extension_of(part.filename) in EXTENSIONS else part.filename + extension
                upload = await intake.receive(project, name, part.chunks)
        parsed = checked(fields, kind)
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


def checked(fields: dict[str, str], kind: type[F]) -> F:
    """The form fields in their types; wrong ones are answered as FastAPI would."""
    try:
        return kind.model_validate(fields)
    except ValidationError as error:
        raise RequestValidationError(error.errors(include_url=False, include_input=False)) from error
