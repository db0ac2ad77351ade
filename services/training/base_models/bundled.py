"""Publishes the bundled base model for all projects where it is absent or has changed."""

import asyncio
import hashlib
from pathlib import Path

import structlog

from services.training.base_models.inspection import MANIFEST_FACTS, inspect_folder
from services.training.errors import EngineFailed
from shared.blobs.artifacts import SHARED, artifact_uri, publish, read_manifest
from shared.blobs.errors import BlobNotFound
from shared.blobs.manifests import ModelManifest
from shared.runtime.errors import StorageFull, Unavailable
from shared.runtime.resources import Resources

log = structlog.get_logger(__name__)

SEEDLING = "seedling"
KEY = f"{SHARED}/models/base/{SEEDLING}"
URI = artifact_uri(SHARED, "models", "base", SEEDLING)
FOLDER = Path(__file__).parent.parent / SEEDLING
MISSING, DELAYED = f"base model {SEEDLING}", f"base model {SEEDLING} (its check is repeated)"
RETRY_INTERVAL_S = 5.0
"""Seconds before the first retry; each later one waits twice as long, up to a limit."""
MAX_RETRY_INTERVAL_S = 300.0
PERMANENT = (FileNotFoundError, NotADirectoryError, PermissionError)
"""Errors of an installation; all others pass: a full disk, too many open files, an engine that was killed."""
PUBLISH_WAIT_LIMIT_S = 60.0
"""How long a submit waits for the first publication."""


class BundledModel:
    """Publishes `folder` as seedling. Checking it takes an engine, so this runs in the background."""

    def __init__(self, resources: Resources, folder: Path) -> None:
        self._resources, self._folder = resources, folder
        self._done = asyncio.Event()

    async def run(self) -> None:
        """Publish where needed, once the store answers. A failure is logged; the base model is then unknown."""
        interval_s = RETRY_INTERVAL_S
        try:
            while True:
                try:
                    await self._publish()
                    self._resources.missing.discard(DELAYED)
                    return
                except PERMANENT:
                    raise
                except (Unavailable, StorageFull, EngineFailed, OSError) as error:
                    log.warning("bundled_model_delayed", reason=str(error), retry_in_s=interval_s)
                    self._resources.missing.add(DELAYED)
                    await asyncio.sleep(interval_s)
                    interval_s = min(2 * interval_s, MAX_RETRY_INTERVAL_S)
        except Exception:
            log.exception("bundled_model_not_published", folder=str(self._folder))
            self._resources.missing.add(MISSING)
        finally:
            self._done.set()

    @property
    def present(self) -> bool:
        """Whether this installation has a bundled model."""
        return (self._folder / "config.json").exists()

    async def manifest(self) -> ModelManifest | None:
        """Its manifest, after the first publication, or None. Raises Unavailable after PUBLISH_WAIT_LIMIT_S."""
        try:
            await asyncio.wait_for(self._done.wait(), PUBLISH_WAIT_LIMIT_S)
        except TimeoutError as error:
            raise Unavailable("The bundled model is still being checked.", remedy="Try again in a moment.") from error
        return await self.published()

    async def published(self) -> ModelManifest | None:
        """Its manifest as published now, or None."""
        try:
            return ModelManifest.model_validate(await read_manifest(self._resources.blobs, KEY))
        except BlobNotFound:
            return None

    async def _publish(self) -> None:
        if not self.present:
            log.warning("no_bundled_model", folder=str(self._folder))
            self._resources.missing.add(MISSING)
            return
        digests = await asyncio.to_thread(_digests, self._folder)
        published = await self.published()
        is_described = published and published.shape and published.template_features is not None
        if published and is_described and digests == {entry.name: entry.sha256 for entry in published.files}:
            return
        facts = await inspect_folder(self._resources, self._folder, SHARED, field="base")
        manifest = ModelManifest(
            model_id=SEEDLING,
            name=SEEDLING,
            kind="full",
            provenance={"source": "bundled"},
            **{name: facts[name] for name in MANIFEST_FACTS},
        )
        files = {name: self._folder / name for name in digests}
        await publish(
            self._resources.blobs, KEY, None, manifest.model_dump(mode="json", exclude={"files"}), files=files
        )
        log.info("bundled_model_published", parameters=facts["parameters"])


def _digests(folder: Path) -> dict[str, str]:
    """sha256 of each file in the folder; sub-folders hold no part of a model."""
    digests: dict[str, str] = {}
    for path in sorted(folder.iterdir()):
        if path.is_file() and not path.name.startswith(".") and path.suffix != ".py":
            with path.open("rb") as file:
                digests[path.name] = hashlib.file_digest(file, "sha256").hexdigest()
    return digests
