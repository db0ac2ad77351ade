"""Which unfinished work needs an artifact: an empty blob for each, outside the projects so that all can be listed.

The service that owns the work writes and deletes them; the service that owns the artifact looks before it deletes one.
"""

from typing import NamedTuple

from shared.blobs.artifacts import SHARED
from shared.blobs.protocol import Blobs

USES = f"{SHARED}/dataset-uses"  # stored: at first, only datasets were protected


class Use(NamedTuple):
    """The use of a dataset or a model by work."""

    project: str
    artifact_id: str
    work_id: str


async def add_use(blobs: Blobs, project: str, artifact_id: str, work_id: str) -> None:
    """Record that the work needs the artifact. Repeatable."""
    await blobs.put(f"{USES}/{project}/{artifact_id}/{work_id}", b"")


async def remove_use(blobs: Blobs, project: str, artifact_id: str, work_id: str) -> None:
    """The work has ended. Repeatable."""
    await blobs.delete(f"{USES}/{project}/{artifact_id}/{work_id}")


async def users_of(blobs: Blobs, project: str, artifact_id: str) -> list[str]:
    """The ids of the unfinished work that needs the artifact."""
    return [blob.key.rpartition("/")[2] for blob in await blobs.list(f"{USES}/{project}/{artifact_id}")]


async def all_uses(blobs: Blobs) -> list[Use]:
    """The uses of all projects."""
    return [Use(*blob.key.split("/")[-3:]) for blob in await blobs.list(USES)]
