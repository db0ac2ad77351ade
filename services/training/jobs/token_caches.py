"""What an engine made of a dataset version, kept in the blob store: the next job on it starts at once.

Keys are `<project>/tokens/<dataset_id>/<version>/<digest of tokenizer, template and window>/`; two jobs that make the
same at once write the same bytes. A document per key remembers its size and its last use.
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

FORMAT = 1
"""Of the engine's files: raise it with theirs, and what was kept before is never asked for again."""
PAIRS = -1
"""In place of a window, as the engine says it."""
TEXT_WINDOW = 2048
"""Tokens into which long texts are cut where nobody asked for another length."""


class TokenCaches:
    """Finds, keeps and forgets them; together they take at most `limit` bytes."""

    def __init__(self, blobs: Blobs, store: EntityStore[TokenCache], limit: int) -> None:
        self._blobs, self._store, self._limit = blobs, store, limit

    async def checkout(self, job: Job, window: int, template_hash: str) -> Path | None:
        """The folder that was made of the job's dataset with this template, or None."""
        key = key_of(job, window, template_hash)
        found = await self._store.for_project(job.project).find({"key": key}, limit=1)
        if not found:
            return None
        try:
            await read_manifest(self._blobs, key)
            folder = await self._blobs.local_folder(key)
            await self._store.change(found[0].id, TokenCache.used)
        except (BlobNotFound, NotFound):  # it was given up in this moment
            return None
        return folder

    async def keep(self, job: Job, made: Message) -> None:
        """Store the folder of an engine's `tokens` message. It is a convenience: failing, it fails nothing else."""
        key = key_of(job, made["window"], made["template_hash"])
        store = self._store.for_project(job.project)
        try:
            stored = await publish(self._blobs, key, Path(made["path"]), {"dataset_id": job.dataset_id})
            await read_manifest(self._blobs, f"{job.project}/datasets/{job.dataset_id}/{job.dataset_version}")
            if not await store.find({"key": key}, limit=1):
                size = sum(entry["size"] for entry in stored["files"])
                await store.create(
                    TokenCache(id=new_id("tokens"), project=job.project, key=key, dataset_id=job.dataset_id, size=size)
                )
            await self._trim()
        except BlobNotFound:
            await self.forget(job.project, job.dataset_id)
        except Exception:
            log.warning("tokens_not_kept", job_id=job.id, exc_info=True)

    async def forget(self, project: str, dataset_id: str) -> None:
        """The dataset is gone."""
        for cache in await self._store.for_project(project).find({"dataset_id": dataset_id}):
            await self._drop(cache)
        await self._blobs.delete(f"{project}/tokens/{dataset_id}")

    async def _trim(self) -> None:
        """Give up those that were not used for longest until the rest is within the limit."""
        left = self._limit
        for cache in await self._store.find(order=(("used_at", -1),)):
            left -= cache.size
            if left < 0:
                await self._drop(cache)

    async def _drop(self, cache: TokenCache) -> None:
        await self._store.delete(cache.id)
        await delete_artifact(self._blobs, cache.key)


def window_of(job: Job, dataset: DatasetManifest) -> int:
    """Tokens of a piece of text; 0 for conversations, which are kept whole, PAIRS for both answers of each pair."""
    if job.hyperparameters.get("objective") == "dpo":
        return PAIRS
    if dataset.form != "text":
        return 0
    asked = job.hyperparameters.get("max_length") or TEXT_WINDOW
    return min(int(asked), job.context_length or int(asked))


def key_of(job: Job, window: int, template_hash: str) -> str:
    """Where the tokens of the job's data are, made with this template (its hash covers the tokenizer)."""
    made_of = f"{FORMAT}/{template_hash}/{window}"
    if job.validation_id:
        made_of += f"/{job.validation_id}@{job.validation_version}"
    digest = hashlib.sha256(made_of.encode()).hexdigest()[:32]
    return f"{job.project}/tokens/{job.dataset_id}/{job.dataset_version}/{digest}"
