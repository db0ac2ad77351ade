"""Which aliases a project has: an empty blob for each, outside the projects so that all can be listed.

The inference service owns aliases, and writes and deletes them; the training service looks before it gives a model such
a name, or queues a job whose model is to be a candidate.
"""

import hashlib

from shared.blobs.artifacts import SHARED
from shared.blobs.protocol import Blobs

ALIASES = f"{SHARED}/aliases"


def alias_key(project: str, name: str) -> str:
    """The key of the blob that says that the alias exists."""
    return f"{ALIASES}/{project}/{hashlib.sha256(name.encode()).hexdigest()}"


async def alias_exists(blobs: Blobs, project: str, name: str) -> bool:
    """Whether the project has an alias of this name."""
    return await blobs.stat(alias_key(project, name)) is not None
