"""The bundled base model, published for every project when it is absent or has changed."""

import asyncio
import hashlib
from pathlib import Path

import structlog

from services.training.base_models.inspection import DESCRIBED, inspect_folder
from shared.blobs.artifacts import SHARED, artifact_uri, publish, read_manifest
from shared.blobs.errors import BlobNotFound
from shared.blobs.manifests import ModelManifest
from shared.runtime.errors import Unavailable
from shared.runtime.resources import Resources

log = structlog.get_logger(__name__)

SEEDLING = "seedling"
KEY = f"{SHARED}/models/base/{SEEDLING}"
URI = artifact_uri(SHARED, "models", "base", SEEDLING)
FOLDER = Path(__file__).parent.parent / SEEDLING
PUT_OFF = 5.0
PATIENCE = 60.0
"""Seconds that a submit waits for the first publication."""


class Bundled:
    """Publishes `folder` as seedling. Its check needs an engine, so the first start does it beside everything else."""

    def __init__(self, resources: Resources, folder: Path) -> None:
        self._resources, self._folder = resources, folder
        self._done = asyncio.Event()

    async def run(self) -> None:
        """Publish if need be, as soon as the store answers; a failure is logged, and shows as an unknown base."""
        try:
            while True:
                try:
                    return await self._publish()
                except Unavailable as error:
                    log.warning("bundled_model_put_off", reason=error.detail)
                    await asyncio.sleep(PUT_OFF)
        except Exception:
            log.exception("bundled_model_not_published", folder=str(self._folder))
        finally:
            self._done.set()

    @property
    def present(self) -> bool:
        """This installation has one."""
        return (self._folder / "config.json").exists()

    async def manifest(self) -> ModelManifest | None:
        """Its manifest, waiting for the first publication; None when there is none."""
        try:
            await asyncio.wait_for(self._done.wait(), PATIENCE)
        except TimeoutError as error:
            raise Unavailable("The bundled model is still being checked.", remedy="Try again in a moment.") from error
        return await self.published()

    async def published(self) -> ModelManifest | None:
        """Its manifest as it is now."""
        try:
            return ModelManifest.model_validate(await read_manifest(self._resources.blobs, KEY))
        except BlobNotFound:
            return None

    async def _publish(self) -> None:
        if not self.present:
            log.warning("no_bundled_model", folder=str(self._folder))
            return
        here = await asyncio.to_thread(_sums, self._folder)
        before = await self.published()
        if before and before.shape and here == {entry.name: entry.sha256 for entry in before.files}:
            return
        facts = await inspect_folder(self._resources, self._folder, field="base")
        manifest = ModelManifest(
            model_id=SEEDLING,
            name=SEEDLING,
            kind="full",
            provenance={"source": "bundled"},
            **{name: facts[name] for name in DESCRIBED},
        )
        files = {name: self._folder / name for name in here}
        await publish(
            self._resources.blobs, KEY, None, manifest.model_dump(mode="json", exclude={"files"}), files=files
        )
        log.info("bundled_model_published", parameters=facts["parameters"])


def _sums(folder: Path) -> dict[str, str]:
    """sha256 of each file in the folder (sub-folders hold no part of a model)."""
    found: dict[str, str] = {}
    for path in sorted(folder.iterdir()):
        if path.is_file() and not path.name.startswith(".") and path.suffix != ".py":
            with path.open("rb") as file:
                found[path.name] = hashlib.file_digest(file, "sha256").hexdigest()
    return found
