"""What attempts leave in the blob store: of one that is over, only what its work points at."""

import errno
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from shared.blobs.artifacts import key_of
from shared.blobs.attempt_artifacts import attempt_artifact
from shared.blobs.local import LocalBlobs
from shared.runtime.errors import NotFound, Unavailable
from shared.runtime.jobs.leases import LeaseLost


@pytest.fixture
async def blobs(tmp_path: Path) -> AsyncIterator[LocalBlobs]:
    blobs = LocalBlobs(tmp_path / "blobs")
    yield blobs
    await blobs.close()


async def attempt(blobs: LocalBlobs, token: int, error: Exception | None = None) -> None:
    """Store a report, and then meet an error."""
    async with attempt_artifact(blobs, "default", "evaluations", "e1", token=token) as uri:
        await blobs.put(f"{key_of(uri, 'default')}/report", b"r")
        if error:
            raise error


async def left(blobs: LocalBlobs) -> list[str]:
    return [blob.key.split("/")[3] for blob in await blobs.list("default/evaluations/e1")]


async def test_artifacts_of_earlier_attempts_are_deleted(blobs: LocalBlobs) -> None:
    for token in (1, 9):
        with pytest.raises(Unavailable):
            await attempt(blobs, token, Unavailable("The store is away."))
    await attempt(blobs, 10)
    assert await left(blobs) == ["t10"]


@pytest.mark.parametrize("error", [LeaseLost("Taken over."), NotFound("Deleted."), OSError(errno.ENOSPC, "full")])
async def test_stale_holder_keeps_the_next_attempts_artifact(blobs: LocalBlobs, error: Exception) -> None:
    await attempt(blobs, 3)
    with pytest.raises(type(error)):
        await attempt(blobs, 1, error)
    assert await left(blobs) == ["t3"]


async def test_artifact_that_the_work_may_use_is_kept(blobs: LocalBlobs) -> None:
    with pytest.raises(Unavailable):
        await attempt(blobs, 1, Unavailable("The answer of the last write was lost."))
    assert await left(blobs) == ["t1"]
