"""What several processes and machines do takes longer than the other tests: `make test-scale`."""

import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from shared.runtime.processes.children import Engines
from tests.support.tiny_model import make_tiny_model


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """All coroutines share one loop, as the forkserver does."""
    here = Path(__file__).parent
    for item in items:
        if item.path.is_relative_to(here):
            if pytest_asyncio.is_async_test(item):
                item.add_marker(pytest.mark.asyncio(loop_scope="session"), append=False)
            if not os.environ.get("ANNEAL_TEST_SCALE"):
                item.add_marker(pytest.mark.skip(reason="takes minutes: make test-scale"))


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def engines() -> AsyncIterator[Engines]:
    """One forkserver for all tests."""
    warm = Engines()
    yield warm
    await warm.close()


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A loadable model folder."""
    return make_tiny_model(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="session")
def cluster() -> Iterator[tuple[str, Any]]:
    """The address of a Ray cluster and its second node, which the last test kills."""
    from tests.scale.ray_nodes import ray_nodes  # ray is no part of the other lanes

    with ray_nodes() as (address, second):
        yield address, second
