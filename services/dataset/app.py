"""Builds the dataset service from resources."""

import asyncio
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from fastapi import APIRouter

from services.dataset import api, api_rows, openai_files
from services.dataset.curation import api as curation_api
from services.dataset.curation.service import Curator
from services.dataset.handlers import SUBSCRIPTIONS
from services.dataset.import_record import DatasetImport
from services.dataset.imports import api as imports_api
from services.dataset.imports.fetching import FOLDER, Importer
from services.dataset.imports.service import Imports
from services.dataset.inspection import Inspector
from services.dataset.models import DatasetVersion
from services.dataset.previews import api as previews_api
from services.dataset.previews.service import Previews
from services.dataset.service import DatasetService
from services.dataset.store import STATISTICS, VersionStore, open_imports, open_stores
from services.dataset.upload_store import UploadStore
from services.dataset.validation import Validator
from shared.documents.entities import EntityStore
from shared.runtime.jobs.work import FINAL
from shared.runtime.jobs.worker import Slots, Worker
from shared.runtime.resources import Resources
from shared.runtime.service import Service, background

MAX_CONCURRENT_VALIDATIONS = 3
"""Per process: a large upload does not block a small one."""
MAX_CONCURRENT_IMPORTS = 3


async def build(resources: Resources) -> Service:
    """Build the service; it runs once its lifespan is entered."""
    datasets, versions = await open_stores(resources)
    scratch = resources.scratch / "dataset"
    uploads = UploadStore(resources.blobs, resources.settings.upload_limit)
    validator = Validator(datasets, resources.blobs, resources.engines, uploads, scratch)
    worker = Worker[DatasetVersion](
        versions,
        validator.run,
        Slots(MAX_CONCURRENT_VALIDATIONS),
        exclusive=resources.embedded,
        kind="dataset",
        metrics=resources.metrics,
    )
    service = DatasetService(datasets, versions, resources.blobs, uploads, validator, worker.nudge)
    found_imports = await open_imports(resources)
    import_worker = Worker[DatasetImport](
        found_imports,
        Importer(resources, service).run,
        Slots(MAX_CONCURRENT_IMPORTS),
        exclusive=resources.embedded,
        kind="dataset_import",
        metrics=resources.metrics,
    )
    imports = Imports(found_imports, versions, import_worker, resources)
    cache = await resources.documents.collection(STATISTICS.name, STATISTICS.indexes)
    inspector = Inspector(resources.blobs, resources.engines, cache, scratch)

    @asynccontextmanager
    async def lifespan() -> AsyncIterator[None]:
        if resources.embedded:
            await _delete_leftovers(uploads, versions, scratch)
            await _delete_downloads(found_imports, resources.scratch / FOLDER)
        async with background(worker.serve()), background(import_worker.serve()):
            yield

    router = APIRouter()
    router.include_router(imports_api.routes(imports))
    router.include_router(previews_api.routes(Previews(resources.blobs, resources.engines, scratch)))
    router.include_router(curation_api.routes(service, Curator(inspector, cache)))
    routers = (api.routes(service, inspector), api_rows.routes(service, inspector, resources.blobs))
    for included in (*routers, openai_files.routes(service, inspector)):
        router.include_router(included)
    return Service("dataset", router, SUBSCRIPTIONS, lifespan)


async def _delete_leftovers(uploads: UploadStore, versions: VersionStore, scratch: Path) -> None:
    """Delete the scratch files and uploads of a killed process. Safe, since no other process uses this directory."""
    await asyncio.to_thread(shutil.rmtree, scratch, ignore_errors=True)
    live_keys = {version.upload_key for version in await versions.find() if version.state not in FINAL}
    await uploads.delete_orphans(live_keys)


async def _delete_downloads(imports: EntityStore[DatasetImport], folder: Path) -> None:
    """Delete the downloads of ended imports; those of the others are continued."""
    live = {found.id for found in await imports.find() if found.state not in FINAL}
    for path in folder.glob("*"):
        if path.name not in live:
            await asyncio.to_thread(shutil.rmtree, path, ignore_errors=True)
