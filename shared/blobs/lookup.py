"""From what a person calls a model or a dataset to its artifact: it exists if its manifest does."""

import json

from shared.blobs.artifacts import artifact_uri, key_of, read_manifest
from shared.blobs.errors import BlobNotFound, InvalidKey
from shared.blobs.manifests import DatasetManifest, ModelManifest
from shared.blobs.protocol import Blobs


async def find_model(
    blobs: Blobs, project: str, kind: str, id: str, *, owner: str | None = None
) -> tuple[str, ModelManifest] | None:
    """URI and manifest of a `base` or `custom` model that `project` may use; `owner` is the project or `_shared`."""
    try:
        uri = artifact_uri(owner or project, "models", kind, id)
        return uri, ModelManifest.model_validate(await read_manifest(blobs, key_of(uri, project)))
    except (BlobNotFound, InvalidKey):
        return None


async def find_dataset(blobs: Blobs, project: str, reference: str) -> tuple[str, DatasetManifest] | None:
    """URI and manifest of `<id>`, which means its latest version, or of `<id>@<version>`."""
    id, _, version = reference.partition("@")
    try:
        uri = artifact_uri(project, "datasets", id, version or await _latest(blobs, project, id))
        return uri, DatasetManifest.model_validate(await read_manifest(blobs, key_of(uri, project)))
    except (BlobNotFound, InvalidKey):
        return None


async def _latest(blobs: Blobs, project: str, id: str) -> str:
    """The dataset service's one mutable file says which version a bare id means."""
    key = key_of(artifact_uri(project, "datasets", id, "latest.json"), project)
    return str(json.loads(b"".join([chunk async for chunk in blobs.read(key)]))["version"])
