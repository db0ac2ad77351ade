"""What an attempt at leased work stores: below its own token, and gone again where the work will never point at it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from shared.blobs.artifacts import artifact_uri, key_of
from shared.blobs.protocol import Blobs
from shared.runtime.errors import NotFound, disk_is_full
from shared.runtime.jobs.leases import LeaseLost


@asynccontextmanager
async def attempt_artifact(blobs: Blobs, project: str, *parts: str, token: int) -> AsyncIterator[str]:
    """The URI of what this attempt alone writes; the last write of the block lets the work point at it.

    What earlier attempts left goes first: work that pointed at any of it would not have been claimed again. This one's
    goes where its lease was lost, its work was deleted or the disk is full. Another failure may hide that the last
    write was made, so what is stored stays for the next attempt to clear away.
    """
    folder = key_of(artifact_uri(project, *parts), project)
    await _drop_earlier(blobs, folder, token)
    try:
        yield artifact_uri(project, *parts, f"t{token}")
    except Exception as error:
        if isinstance(error, LeaseLost | NotFound) or disk_is_full(error):
            await blobs.delete(f"{folder}/t{token}")
        raise


async def _drop_earlier(blobs: Blobs, folder: str, token: int) -> None:
    """Lower tokens only: a holder that slept may find what a later one has stored."""
    attempts = {blob.key.removeprefix(f"{folder}/").partition("/")[0] for blob in await blobs.list(folder)}
    for name in attempts:
        if int(name.removeprefix("t")) < token:
            await blobs.delete(f"{folder}/{name}")
