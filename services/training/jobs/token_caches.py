"""Caches a dataset version's tokens in the blob store, so that the next job on it need not tokenize.

Keys are `<project>/tokens/<dataset_id>/<version>/<digest of tokenizer, template and window>/`. Two jobs that tokenize
the same at once write the same bytes. A document per key has its size and its last use.
"""

import hashlib
from pathlib import Path

import structlog

from services.training.models import Job, TokenCache
from shared.blobs.artifacts import delete_artifact, publish, read_manifest
from shared.blobs.errors import BlobNotFound
from shared.blobs.manifests import DatasetManifest
from shared.blobs.protocol import Blobs
from shared.documents.entities import EntityStore, new_id
from shared.runtime.errors import NotFound
from shared.runtime.jobs.engine_runs import Message

log = structlog.get_logger(__name__)

FORMAT = 2
"""Of the engine's token files (engine/data/token_store.py). Raise it with theirs: older caches are then never read."""
PAIRS = -1
"""In place of a window, for preference pairs, as in the engine's messages."""
DEFAULT_TEXT_WINDOW = 2048
"""Tokens of the pieces that long texts are cut into, without max_length."""


class TokenCaches:
    """Finds, stores and deletes token caches, `limit` bytes of them at most."""

    def __init__(self, blobs: Blobs, store: EntityStore[TokenCache], limit: int) -> None:
        self._blobs, self._store, self._limit = blobs, store, limit

    async def local_folder(self, job: Job, window: int, template_hash: str) -> Path | None:
        """The folder with the tokens of the job's dataset for this template, or None."""
        key = key_of(job, window, template_hash)
        found = await self._store.for_project(job.project).find({"key": key}, limit=1)
        if not found:
            return None
        try:
            await read_manifest(self._blobs, key)
            folder = await self._blobs.local_folder(key)
            await self._store.change(found[0].id, TokenCache.mark_used)
        except (BlobNotFound, NotFound):  # it was deleted at this moment
            return None
        return folder

    async def store(self, job: Job, message: Message) -> None:
        """Store the folder of an engine's `tokens` message. A failure is only logged: the job continues."""
        key = key_of(job, message["window"], message["template_hash"])
        store = self._store.for_project(job.project)
        try:
            stored = await publish(self._blobs, key, Path(message["path"]), {"dataset_id": job.dataset_id})
            await read_manifest(self._blobs, f"{job.project}/datasets/{job.dataset_id}/{job.dataset_version}")
            if not await store.find({"key": key}, limit=1):
                size = sum(entry["size"] for entry in stored["files"])
                await store.create(
                    TokenCache(id=new_id("tokens"), project=job.project, key=key, dataset_id=job.dataset_id, size=size)
                )
            await self._evict()
        except BlobNotFound:
            await self.delete_dataset(job.project, job.dataset_id)
        except Exception:
            log.warning("tokens_not_cached", job_id=job.id, exc_info=True)

    async def delete_dataset(self, project: str, dataset_id: str) -> None:
        """Delete all caches of a dataset that was deleted."""
        for cache in await self._store.for_project(project).find({"dataset_id": dataset_id}):
            await self._delete(cache)
        await self._blobs.delete(f"{project}/tokens/{dataset_id}")

    async def _evict(self) -> None:
        """Delete the least recently used ones until the rest is within the limit."""
        free = self._limit
        for cache in await self._store.find(order=(("used_at", -1),)):
            free -= cache.size
            if free < 0:
                await self._delete(cache)

    async def _delete(self, cache: TokenCache) -> None:
        await self._store.delete(cache.id)
        await delete_artifact(self._blobs, cache.key)


def window_of(job: Job, dataset: DatasetManifest) -> int:
    """Tokens of a piece of text; 0 for conversations, which are not cut; PAIRS for preference pairs."""
    if job.hyperparameters.get("objective") == "dpo":
        return PAIRS
    if dataset.form != "text":
        return 0
    window = int(job.hyperparameters.get("max_length") or DEFAULT_TEXT_WINDOW)
    return min(window, job.context_length or window)


def key_of(job: Job, window: int, template_hash: str) -> str:
    """The key of the job's tokens with this template, whose hash covers the tokenizer."""
    inputs = f"{FORMAT}/{template_hash}/{window}"
    if job.validation_id:
        inputs += f"/{job.validation_id}@{job.validation_version}"
    digest = hashlib.sha256(inputs.encode()).hexdigest()[:32]
    return f"{job.project}/tokens/{job.dataset_id}/{job.dataset_version}/{digest}"
