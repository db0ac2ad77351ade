"""The form of an import: two files and a few fields, in one pass over the body."""

import asyncio
import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from services.evaluation.errors import ImportTooLarge
from shared.runtime.errors import InvalidInput
from shared.runtime.http.multipart import Multipart, Part

LIMITS = {"results": 64 << 20, "samples": 512 << 20}
"""Maximum bytes of each file."""


class ImportForm(BaseModel):
    """The fields of POST /evaluations/import other than its files."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    model: str = Field(
        min_length=1,
        max_length=500,
        description="the model that was evaluated: id of a custom model, or id or name of a base model",
    )
    task: str = Field(min_length=1, max_length=200, description="the task of lm-eval whose samples these are")
    dry_run: bool = Field(default=False, description="compute the evaluation, and store nothing")


@dataclass(frozen=True)
class SavedFile:
    """A file of the form, stored completely; `sha256` in hex."""

    path: Path
    name: str
    sha256: str


async def receive(form: Multipart, folder: Path) -> tuple[ImportForm, dict[str, SavedFile]]:
    """Write the files to `folder` as they arrive. Raises ImportTooLarge, InvalidInput or RequestValidationError."""
    fields, files = dict[str, str](), dict[str, SavedFile]()
    async for part in form.parts():
        if part.filename is None:
            fields[part.name] = await part.text()
        elif part.name not in LIMITS or part.name in files:
            remedy = "Send one file as `results` and one as `samples`."
            raise InvalidInput(f"The file {part.name!r} has no use here.", field=part.name, remedy=remedy)
        else:
            files[part.name] = await _save(part, folder / part.name)
    for name in LIMITS:
        if name not in files:
            remedy = f"Send it as the form's file `{name}`."
            raise InvalidInput(f"The form has no file {name!r}.", field=name, remedy=remedy)
    try:
        return ImportForm.model_validate(fields), files
    except ValidationError as error:
        raise RequestValidationError(error.errors(include_url=False, include_input=False)) from error


async def _save(part: Part, path: Path) -> SavedFile:
    size, digest, limit = 0, hashlib.sha256(), LIMITS[part.name]
    with path.open("xb") as sink:
        async for chunk in part.chunks:
            size += len(chunk)
            if size > limit:
                remedy = "Run lm-eval with a smaller --limit."
                raise ImportTooLarge("The file is too large.", field=part.name, limit=limit, remedy=remedy)
            digest.update(chunk)
            await asyncio.to_thread(sink.write, chunk)
    return SavedFile(path, (part.filename or part.name)[-200:], digest.hexdigest())


def request_body() -> dict[str, Any]:
    """The form in the OpenAPI document."""
    schema = ImportForm.model_json_schema()
    described = {"results": "results_*.json of lm-eval", "samples": "samples_<task>_*.jsonl of the same run"}
    files = {name: {"type": "string", "format": "binary", "description": text} for name, text in described.items()}
    schema["properties"] |= files
    schema["required"] += [*files]
    return {"requestBody": {"required": True, "content": {"multipart/form-data": {"schema": schema}}}}
