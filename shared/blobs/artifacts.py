"""Artifacts: immutable folders of blobs whose `manifest.json` is written last, and their URIs.

An artifact exists once its manifest does. A URI is `anneal://<project>/<path>`; its key is the part after
the scheme.
"""

import asyncio
import json
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from shared.blobs.errors import BlobNotFound, InvalidKey
from shared.blobs.keys import validate_key
from shared.blobs.manifests import DatasetManifest, FileEntry, ModelManifest
from shared.blobs.protocol import Blobs
from shared.blobs.verification import refuse_others, verify_files
from shared.runtime.errors import AnnealError
from shared.runtime.telemetry.tracing import part

Manifest = dict[str, Any]
SCHEME = "anneal://"
SHARED = "_shared"
MANIFEST = "manifest.json"
MAX_DEPTH = 8
"""Longest chain of adapters on adapters; a longer one is a cycle."""


class BrokenLineage(AnnealError):
    """A model's chain of base models does not end in a full model."""

    status = 409
    code = "broken_lineage"


def artifact_uri(project: str, *parts: str) -> str:
    """Return the URI of an artifact of `project`, e.g. anneal://default/models/custom/<id>."""
    return SCHEME + validate_key("/".join((project, *parts)))


def key_of(uri: str, project: str) -> str:
    """Return the blob key of a URI. Raises InvalidKey unless it belongs to `project` or is shared by all projects."""
    if not uri.startswith(SCHEME):
        raise InvalidKey(f"{uri[:200]!r} is not an {SCHEME} address")
    key = validate_key(uri.removeprefix(SCHEME))
    owner, _, path = key.partition("/")
    if owner not in (project, SHARED) or not path:
        raise InvalidKey(f"{uri!r} does not belong to this project")
    return key


async def publish(
    blobs: Blobs,
    uri_key: str,
    folder: Path | None,
    manifest: Manifest,
    *,
    files: Mapping[str, Path] | None = None,
    in_place: Sequence[FileEntry] = (),
) -> Manifest:
    """Store the files of `folder` and `files` (name -> path) below `uri_key`, then the manifest that lists them.

    The manifest also lists the files that are used `in_place`. Idempotent: the same input gives the same bytes.
    Returns the manifest with `files`: [{name, size, sha256}].
    """
    sources = {**(_files(folder) if folder else {}), **(files or {})}
    if MANIFEST in sources:
        raise ValueError(f"{MANIFEST} is written by the publisher, not copied")
    stored = [entry.model_dump() for entry in in_place]
    with part("upload artifact", **{"anneal.key": uri_key, "anneal.files": len(sources)}):
        for name, path in sorted(sources.items()):
            info = await blobs.put(f"{uri_key}/{name}", path)
            stored.append({"name": name, "size": info.size, "sha256": info.sha256})
        complete = {**manifest, "files": stored}
        text = json.dumps(complete, sort_keys=True, indent=1, ensure_ascii=False, allow_nan=False)
        await blobs.put(f"{uri_key}/{MANIFEST}", text.encode())
    return complete


def _files(folder: Path) -> dict[str, Path]:
    return {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()}


async def read_manifest(blobs: Blobs, key: str) -> Manifest:
    """Read the manifest of the artifact at `key`. Raises BlobNotFound (artifact_gone), which names the artifact."""
    try:
        text = b"".join([chunk async for chunk in blobs.read(f"{key}/{MANIFEST}")])
    except BlobNotFound as error:
        remedy = "Choose another one, or add this one again."
        raise BlobNotFound(f"The {_name(key)} does not exist, or was deleted.", remedy=remedy) from error
    manifest: Manifest = json.loads(text)
    return manifest


def _name(key: str) -> str:
    """What the artifact is, in words: `base model seedling`, `dataset ds_1 (version dsv_1)`."""
    _, collection, *path = key.split("/")
    if collection == "datasets" and len(path) == 2:
        return f"dataset {path[0]} (version {path[1]})"
    return f"{path[0]} model {path[1]}" if collection == "models" and len(path) == 2 else "/".join((collection, *path))


async def find_model(
    blobs: Blobs, project: str, kind: str, id: str, *, owner: str | None = None
) -> tuple[str, ModelManifest] | None:
    """Return URI and manifest of a `base` or `custom` model that `project` may use, or None.

    `owner` is the project or `_shared`."""
    try:
        uri = artifact_uri(owner or project, "models", kind, id)
        return uri, ModelManifest.model_validate(await read_manifest(blobs, key_of(uri, project)))
    except (BlobNotFound, InvalidKey):
        return None


async def find_any_model(blobs: Blobs, project: str, name: str) -> tuple[str, ModelManifest] | None:
    """Return URI and manifest of a custom model by its id, or of a base model by id, name or hub id; or None."""
    for owner, kind in ((project, "custom"), (project, "base"), (SHARED, "base")):
        if found := await find_model(blobs, project, kind, name, owner=owner):
            return found
    for owner in (project, SHARED):
        keys = await blobs.sizes(f"{owner}/models/base")
        for id in {key.split("/")[3] for key in keys if key.endswith(f"/{MANIFEST}") and key.count("/") == 4}:
            found = await find_model(blobs, project, "base", id, owner=owner)
            if found and name in (found[1].name, found[1].hub_id):
                return found
    return None


async def find_dataset(blobs: Blobs, project: str, reference: str) -> tuple[str, DatasetManifest] | None:
    """Return URI and manifest of `<id>` (its latest version) or `<id>@<version>`, or None."""
    id, _, version = reference.partition("@")
    try:
        uri = artifact_uri(project, "datasets", id, version or await _latest(blobs, project, id))
        return uri, DatasetManifest.model_validate(await read_manifest(blobs, key_of(uri, project)))
    except (BlobNotFound, InvalidKey):
        return None


async def _latest(blobs: Blobs, project: str, id: str) -> str:
    """Read the latest version from the dataset's one mutable file."""
    key = key_of(artifact_uri(project, "datasets", id, "latest.json"), project)
    return str(json.loads(b"".join([chunk async for chunk in blobs.read(key)]))["version"])


async def delete_artifact(blobs: Blobs, key: str) -> None:
    """Delete the manifest first, so that no reader starts, then the blobs."""
    await blobs.delete(f"{key}/{MANIFEST}")
    await blobs.delete(key)


async def dataset_folder(blobs: Blobs, key: str, manifest: DatasetManifest, shards: Collection[str]) -> Path:
    """Return the local folder of a dataset version whose `shards` are as published. Raises CorruptArtifact."""
    folder = await blobs.local_folder(key)
    entries = [entry for entry in manifest.files if entry.name in shards]
    await asyncio.to_thread(verify_files, folder, entries, "Restore the file from a backup, or upload the data again.")
    return folder


async def resolve_model(blobs: Blobs, uri: str, project: str) -> dict[str, Any]:
    """Return the loader's reference of a model: {"path": folder, "kind": "full" | "adapter", "base": reference | None}.

    A base model that is registered in place (its manifest has a `location`) is used from there. Raises CorruptArtifact
    unless the files are those that were inspected.
    """
    return await _resolve(blobs, uri, project, MAX_DEPTH)


async def _resolve(blobs: Blobs, uri: str, project: str, depth: int) -> dict[str, Any]:
    if depth == 0:
        raise BrokenLineage(f"The chain of base models is longer than {MAX_DEPTH}.")
    key = key_of(uri, project)
    manifest = ModelManifest.model_validate(await read_manifest(blobs, key))
    base = None
    if manifest.kind == "adapter":
        if not manifest.base_uri:
            raise BrokenLineage(f"The adapter {manifest.model_id} names no base model.")
        base = await _resolve(blobs, manifest.base_uri, project, depth - 1)
    return {"path": str(await _folder(blobs, key, manifest)), "kind": manifest.kind, "base": base}


async def _folder(blobs: Blobs, key: str, manifest: ModelManifest) -> Path:
    if manifest.location is None:
        folder, remedy = await blobs.local_folder(key), "Restore the file from a backup, or add the model again."
    else:
        folder, remedy = Path(manifest.location), "Put the file back, or register the model again."
    if not folder.is_dir():
        detail = f"The folder {folder}, where model {manifest.model_id} was registered, no longer exists."
        raise BlobNotFound(detail, remedy="Put it back, or register the model again.")
    if manifest.files:  # versions before did not record those of a folder that is registered in place
        await asyncio.to_thread(_verify_model, folder, manifest.files, remedy)
    return folder


def weights_size(reference: Mapping[str, Any]) -> int:
    """Return the bytes of weights of a loader's reference, with those of its base models."""
    own = sum(path.stat().st_size for path in Path(reference["path"]).glob("*.safetensors"))
    return own + (weights_size(reference["base"]) if reference["base"] else 0)


def _verify_model(folder: Path, files: Collection[FileEntry], remedy: str) -> None:
    verify_files(folder, files, remedy)
    refuse_others(folder, files, remedy)
