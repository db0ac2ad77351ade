"""The use cases of base models: upload, register in place, request a download, list, delete."""

import asyncio
import hashlib
import shutil
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from services.training.base_models.archive import unpack_model
from services.training.base_models.bundled import SEEDLING
from services.training.base_models.ignored_files import pickles_ignored
from services.training.base_models.inspection import MANIFEST_FACTS, Facts, inspect_folder
from services.training.base_models.permissions import check_source_permission
from services.training.base_models.requests import BaseRequest
from services.training.base_models.uploading import FORM_OVERHEAD_BYTES, receive_zip, too_large
from services.training.base_models.views import BaseView
from services.training.errors import InUse
from services.training.models import Base, BaseSource, Reservation
from services.training.parameters import body_hash
from services.training.store import Stores
from shared.blobs.artifacts import MANIFEST, artifact_uri, delete_artifact, publish
from shared.blobs.locations import without_secret
from shared.blobs.manifests import FileEntry, ModelManifest
from shared.blobs.protocol import Blobs
from shared.blobs.uses import users_of
from shared.blobs.verification import describe_files, verify_files
from shared.documents.entities import Page, derived_id, new_id
from shared.runtime.errors import InvalidInput, NotFound
from shared.runtime.http.display_name import visible
from shared.runtime.http.multipart import Multipart
from shared.runtime.http.principal import Principal
from shared.runtime.http.secrets import secret_kind
from shared.runtime.jobs.worker import Worker
from shared.runtime.resources import Resources
from shared.runtime.telemetry.tracing import traceparent

DOWNLOADS = "downloads"


class BaseModels:
    """Upload, register, download, list and delete the base models of projects."""

    def __init__(self, resources: Resources, stores: Stores, worker: Worker[Base]) -> None:
        self._resources, self._stores, self._worker = resources, stores, worker

    def refuse_length(self, length: int) -> None:
        """Check the declared length before the body is read. Raises TooLarge."""
        if length > self._resources.settings.upload_limit + FORM_OVERHEAD_BYTES:
            raise too_large(self._resources.settings.upload_limit)

    async def upload(self, project: str, form: Multipart, key: str | None) -> BaseView:
        """Unpack, check and publish a zip of a safetensors folder; nothing remains of one that is refused."""
        limit = self._resources.settings.upload_limit
        async with self._scratch() as folder:
            upload = await receive_zip(form, folder / "upload.zip", limit)
            base = _base(project, "upload", upload.file_name, upload.name, key, sha256=upload.sha256)
            if done := await self._repeated(base):
                return done
            model = folder / "model"
            ignored = await asyncio.to_thread(unpack_model, upload.path, model, limit)
            facts = await inspect_folder(self._resources, model, project, field="file")
            facts["warnings"] += [pickles_ignored(ignored)] if ignored else []
            return await self._publish(base, facts, model)

    async def register(self, caller: Principal, request: BaseRequest, key: str | None) -> BaseView:
        """Register a folder in place, or queue a download, whose state then shows its progress."""
        check_source_permission(caller, request)
        project = caller.project
        if request.path is not None:
            return await self._register_path(project, request.path, request.name, key)
        if request.hub_id is not None:
            token = request.token.get_secret_value() if request.token else None
            base = self._with_secret(_hub_base(project, request, request.hub_id, key), token)
            return await self._repeated(base) or await self._same_model(base) or await self._queue(base)
        uri = request.uri or ""
        base = _base(project, "object_store", without_secret(uri), request.name, key)
        return await self._queue(self._with_secret(base, uri))

    async def page(self, project: str, limit: int, cursor: str | None) -> Page[BaseView]:
        """Newest first."""
        page = await self._stores.base_models.for_project(project).page(limit=limit, cursor=cursor)
        return Page(items=[BaseView.of(base) for base in page.items], next_cursor=page.next_cursor)

    async def get(self, project: str, id: str) -> BaseView:
        """One base model."""
        return BaseView.of(await self._stores.base_models.for_project(project).get(id))

    async def delete(self, project: str, id: str) -> None:
        """Stop its download, delete it and free its disk space. Raises InUse while a job or a model needs it."""
        store = self._stores.base_models.for_project(project)
        base = await store.get(id)
        await refuse_in_use(self._resources.blobs, self._stores, project, artifact_uri(project, "models", "base", id))
        await store.change(id, Base.prepare_deletion)
        self._worker.nudge(id)
        await self._resources.blobs.delete(f"{project}/models/base/{id}/manifest.json")
        await store.delete(id)
        await delete_artifact(self._resources.blobs, f"{project}/models/base/{id}")
        await asyncio.to_thread(shutil.rmtree, download_folder(self._resources, base), ignore_errors=True)

    async def _register_path(self, project: str, path: str, name: str | None, key: str | None) -> BaseView:
        folder = Path(path)
        if not folder.is_absolute() or not await asyncio.to_thread(folder.is_dir):
            remedy = "Give the absolute path of a model folder that the platform's process can read."
            raise InvalidInput(f"There is no folder {path!r} on the server.", field="path", remedy=remedy)
        resolved = await asyncio.to_thread(folder.resolve)
        if resolved.is_relative_to(self._resources.settings.directory):
            remedy = "Use the id of the base or custom model instead."
            raise InvalidInput("The platform's own data directory cannot be registered.", field="path", remedy=remedy)
        base = _base(project, "path", str(resolved), name or name_of_folder(resolved), key)
        files = await asyncio.to_thread(describe_files, _files(resolved))
        facts = await inspect_folder(self._resources, resolved, project, field="path")
        await asyncio.to_thread(verify_files, resolved, files, "Register the folder when nothing writes to it.")
        return await self._publish(base.model_copy(update={"location": str(resolved)}), facts, None, files)

    async def _repeated(self, base: Base) -> BaseView | None:
        """The result of the same request before. Raises Conflict where another request used its Idempotency-Key."""
        done = await self._stores.base_models.for_project(base.project).find_repeated(base.id, base.request_hash)
        return BaseView.of(done) if done else None

    async def _same_model(self, base: Base) -> BaseView | None:
        """The same model, present or being downloaded, since two downloads would share one folder."""
        where = {"hub_id": base.hub_id, "state": {"$in": ["queued", "running", "succeeded"]}}
        found = await self._stores.base_models.for_project(base.project).find(where)
        same = [other for other in found if base.revision in (None, other.revision)]
        return BaseView.of(same[0]) if same else None

    def _with_secret(self, base: Base, secret: str | None) -> Base:
        """The base model with the encrypted secret of its source."""
        encrypted = self._resources.keyring.encrypt("training", base.id, secret) if secret else None
        kind = secret_kind(secret if base.source == "hub" else None, secret)
        return base.model_copy(update={"secret": encrypted, "secret_kind": kind})

    async def _require_free_name(self, base: Base) -> None:
        """Raise InvalidInput for the id of another model as a name."""
        stores = (self._stores.base_models, self._stores.custom_models)
        found = [await store.for_project(base.project).find({"_id": base.name}, limit=1) for store in stores]
        if base.name == SEEDLING or any(found):
            detail = f"{base.name!r} is the id of another model."
            raise InvalidInput(detail, field="name", remedy="Give the base model another name.")

    async def _queue(self, base: Base) -> BaseView:
        await self._require_free_name(base)
        created = await self._stores.base_models.create(base)
        self._worker.wake()
        return BaseView.of(created)

    async def _publish(
        self, base: Base, facts: Facts, folder: Path | None, in_place: Sequence[FileEntry] = ()
    ) -> BaseView:
        """Raises Conflict, before a file is written, where another request came first with the same Idempotency-Key."""
        await self._require_free_name(base)
        if base.request_hash:
            reservation = Reservation(id=base.id, project=base.project, request_hash=base.request_hash)
            await self._stores.reservations.create(reservation)
        size = await publish_base_model(self._resources, base, facts, folder, in_place)
        base.mark_ready(facts, size)
        try:
            return BaseView.of(await self._stores.base_models.create(base))
        except NotFound:  # created with this key before, and deleted since
            await delete_artifact(self._resources.blobs, f"{base.project}/models/base/{base.id}")
            raise

    @asynccontextmanager
    async def _scratch(self) -> AsyncIterator[Path]:
        """A folder of this request's own, since the same request may arrive twice at once."""
        folder = self._resources.scratch / "training" / new_id("upload")
        await asyncio.to_thread(folder.mkdir, parents=True)
        try:
            yield folder
        finally:
            await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)


async def publish_base_model(
    resources: Resources, base: Base, facts: Facts, folder: Path | None, in_place: Sequence[FileEntry] = ()
) -> int:
    """Publish a checked base model's files and manifest, which also lists files that are used in place.

    Returns its stored size in bytes.
    """
    manifest = ModelManifest(
        model_id=base.id,
        name=base.name,
        kind="full",
        location=base.location,
        provenance={"source": base.source, "origin": base.origin, "revision": base.revision},
        **{name: facts[name] for name in MANIFEST_FACTS},
    )
    key = f"{base.project}/models/base/{base.id}"
    try:
        files = _files(folder) if folder else None
        stored = await publish(resources.blobs, key, None, _without_files(manifest), files=files, in_place=in_place)
    except BaseException:
        if base.request_hash is None:  # a repeated request may have published the same files
            await delete_artifact(resources.blobs, key)
        raise
    return sum(entry["size"] for entry in stored["files"]) if folder else 0


def download_folder(resources: Resources, base: Base) -> Path:
    """The folder from which an interrupted download resumes; one of the hub also after a new request for the model."""
    identity = base.revision or "" if base.source == "hub" else base.id
    parts = (base.project, base.origin, identity)
    name = hashlib.sha256("\0".join(parts).encode()).hexdigest()[:24]
    return resources.scratch / "training" / DOWNLOADS / name


async def refuse_in_use(blobs: Blobs, stores: Stores, project: str, uri: str) -> None:
    """Raises InUse while an unfinished job or an adapter is based on `uri`, or an evaluation or export reads it."""
    for user in await users_of(blobs, project, uri.rpartition("/")[2]):
        remedy = "Wait until it has ended, or cancel it first."
        if user.startswith("alias_"):
            remedy = "Promote other models, or delete the alias: it keeps its model and the one before."
        raise InUse(f"{user} reads it.", field="id", remedy=remedy, needed_by=[user])
    unfinished = {"base_uri": uri, "state": {"$in": ["queued", "running", "pausing", "paused", "publishing"]}}
    for job in await stores.jobs.for_project(project).find(unfinished, limit=1):
        remedy = "Wait until the job has ended, or cancel it first."
        raise InUse(f"Training job {job.id} needs it.", field="id", remedy=remedy, job_id=job.id)
    for model in await stores.custom_models.for_project(project).find({"base_uri": uri, "kind": "adapter"}, limit=1):
        remedy = "Delete that model first."
        raise InUse(f"Custom model {model.id} is an adapter over it.", field="id", remedy=remedy, model_id=model.id)


def _without_files(manifest: ModelManifest) -> dict[str, Any]:
    return manifest.model_dump(mode="json", exclude={"files"})


def _files(folder: Path) -> dict[str, Path]:
    """The model's own files, without a downloader's hidden ones and without a foreign manifest."""
    files = (path for path in folder.iterdir() if path.is_file() and path.name != MANIFEST)
    return {path.name: path for path in files if not path.name.startswith(".")}


def _base(project: str, source: BaseSource, origin: str, name: str | None, key: str | None, **more: str | None) -> Base:
    """A new base model; `more` fields also have to be equal in a repeated request with the same Idempotency-Key."""
    return Base(
        id=derived_id("base", project, key) if key else new_id("base"),
        project=project,
        request_hash=body_hash({"source": source, "origin": origin, "name": name, **more}) if key else None,
        source=source,
        origin=origin,
        name=name or visible(Path(origin).stem if source == "upload" else Path(origin).name) or "model",
        traceparent=traceparent(),
    )


def name_of_folder(folder: Path) -> str:
    """The folder's name; that of a commit in a Hugging Face cache (models--owner--name/snapshots/…) is owner/name."""
    repository = folder.parent.parent.name
    if folder.parent.name == "snapshots" and repository.startswith("models--"):
        return repository.removeprefix("models--").replace("--", "/")
    return folder.name


def _hub_base(project: str, request: BaseRequest, hub_id: str, key: str | None) -> Base:
    base = _base(project, "hub", hub_id, request.name or hub_id, key, revision=request.revision)
    return base.model_copy(update={"hub_id": hub_id, "revision": request.revision})
