"""One prewarmed forkserver for all services whose engines need torch: its imports take seconds."""

from collections.abc import AsyncIterator

import pytest_asyncio

from shared.runtime.processes.children import Engines


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def engines() -> AsyncIterator[Engines]:
    """Engines for tests in the session's event loop; it preloads what every kind of service needs."""
    warm = Engines()
    warm.preload("services.training.engine.train:main")
    yield warm
    await warm.close()
