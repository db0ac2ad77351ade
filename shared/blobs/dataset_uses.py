"""Which unfinished jobs need a dataset: an empty blob for each, outside the projects so that all can be listed.

The training service writes and deletes them; the dataset service only looks, before it deletes a dataset.
"""

from typing import NamedTuple

from shared.blobs.artifacts import SHARED
from shared.blobs.protocol import Blobs

USES = f"{SHARED}/dataset-uses"


class DatasetUse(NamedTuple):
    """The use of a dataset by a job."""

    project: str
    dataset_id: str
    job_id: str


async def add_use(blobs: Blobs, project: str, dataset_id: str, job_id: str) -> None:
    """Record that the job needs the dataset. Repeatable."""
    await blobs.put(f"{USES}/{project}/{dataset_id}/{job_id}", b"")


async def remove_use(blobs: Blobs, project: str, dataset_id: str, job_id: str) -> None:
    """The job has ended. Repeatable."""
    await blobs.delete(f"{USES}/{project}/{dataset_id}/{job_id}")


async def jobs_using(blobs: Blobs, project: str, dataset_id: str) -> list[str]:
    """The ids of the unfinished jobs that need the dataset."""
    return [blob.key.rpartition("/")[2] for blob in await blobs.list(f"{USES}/{project}/{dataset_id}")]


async def all_uses(blobs: Blobs) -> list[DatasetUse]:
    """The uses of all projects."""
    return [DatasetUse(*blob.key.split("/")[-3:]) for blob in await blobs.list(USES)]
