"""Artifacts of one attempt at leased work: stored under its fencing token, deleted if the work never uses them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from shared.blobs.artifacts import artifact_uri, key_of
from shared.blobs.protocol import Blobs
from shared.runtime.errors import NotFound, disk_is_full
from shared.runtime.jobs.leases import LeaseLost


@asynccontextmanager
async def attempt_artifact(blobs: Blobs, project: str, *parts: str, token: int) -> AsyncIterator[str]:
    """Yield the URI that only this attempt writes to; the block's last write makes the work refer to it.

    Artifacts of earlier attempts are deleted first: work that referred to one would not have been claimed again. This
    attempt's artifact is deleted if its lease is lost, its work is deleted or the disk is full. After another failure
    the last write may have been applied, so the artifact stays until the next attempt deletes it.
    """
    folder = key_of(artifact_uri(project, *parts), project)
    await _delete_earlier(blobs, folder, token)
    try:
        yield artifact_uri(project, *parts, f"t{token}")
    except Exception as error:
        if isinstance(error, LeaseLost | NotFound) or disk_is_full(error):
            await blobs.delete(f"{folder}/t{token}")
        raise


async def _delete_earlier(blobs: Blobs, folder: str, token: int) -> None:
    """Delete lower tokens only: a stalled holder may see artifacts of a later one."""
    attempts = {blob.key.removeprefix(f"{folder}/").partition("/")[0] for blob in await blobs.list(folder)}
    for name in attempts:
        if int(name.removeprefix("t")) < token:
            await blobs.delete(f"{folder}/{name}")
