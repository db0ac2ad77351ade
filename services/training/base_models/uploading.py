"""Receives an uploaded base model: one zip and a name, in one pass over the body."""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ValidationError

from services.training.errors import InvalidArchive, TooLarge
from services.training.parameters import Name
from shared.runtime.errors import InvalidInput
from shared.runtime.http.multipart import Multipart, Part

FORM_OVERHEAD_BYTES = 64 * 1024
"""Bytes of a form without its file."""


class UploadForm(BaseModel):
    """The form's fields other than the file."""

    name: Name | None = None


@dataclass(frozen=True)
class Upload:
    """A zip that has arrived completely; `sha256` in hex."""

    path: Path
    file_name: str
    sha256: str
    name: str | None


def too_large(limit: int) -> TooLarge:
    """The error for a zip of more than `limit` bytes."""
    remedy = 'Put it on the server\'s disk and register it: POST /models/base {"path": …}.'
    return TooLarge("The upload is too large.", field="file", limit=limit, remedy=remedy)


async def receive_zip(form: Multipart, target: Path, limit: int) -> Upload:
    """Write the form's file to `target` as it arrives. Raises TooLarge after `limit` bytes, whatever was declared."""
    file_name, sha256, fields = "", "", dict[str, str]()
    async for part in form.parts():
        if part.filename is None:
            fields[part.name] = await part.text()
            continue
        if part.name != "file" or sha256:
            raise InvalidInput("The form has more than one file.", field=part.name, remedy="Send the zip alone.")
        file_name, sha256 = part.filename or "upload.zip", await _save(part, target, limit)
    if not sha256:
        raise InvalidInput("The form has no file.", field="file", remedy="Send the zip as the form field `file`.")
    return Upload(target, file_name, sha256, _validate(fields).name)


def _validate(fields: dict[str, str]) -> UploadForm:
    try:
        return UploadForm.model_validate({name: value for name, value in fields.items() if value})
    except ValidationError as error:
        raise RequestValidationError(error.errors(include_url=False, include_input=False)) from error


async def _save(part: Part, target: Path, limit: int) -> str:
    size, digest = 0, hashlib.sha256()
    with target.open("xb") as sink:
        async for piece in _pieces(part.chunks):
            size += len(piece)
            if size > limit:
                raise too_large(limit)
            digest.update(piece)
            await asyncio.to_thread(sink.write, piece)
    if not size:
        raise InvalidArchive("The file is empty.", field="file", remedy="Send a zip of a model's folder.")
    return digest.hexdigest()


async def _pieces(chunks: AsyncIterator[bytes], size: int = 1 << 20) -> AsyncIterator[bytes]:
    """The chunks in larger pieces, for fewer switches to the writing thread."""
    buffer = bytearray()
    async for chunk in chunks:
        buffer += chunk
        if len(buffer) >= size:
            yield bytes(buffer)
            buffer.clear()
    if buffer:
        yield bytes(buffer)
