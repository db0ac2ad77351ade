"""Tests of training on several processes and machines. They take minutes and run with `make test-scale`."""

import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from shared.runtime.processes.children import Engines
from tests.support.tiny_model import make_tiny_model


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run all coroutines in one event loop, shared with the forkserver; skip the tests outside `make test-scale`."""
    folder = Path(__file__).parent
    for item in items:
        if item.path.is_relative_to(folder):
            if pytest_asyncio.is_async_test(item):
                item.add_marker(pytest.mark.asyncio(loop_scope="session"), append=False)
            if not os.environ.get("ANNEAL_TEST_SCALE"):
                item.add_marker(pytest.mark.skip(reason="takes minutes: make test-scale"))


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def engines() -> AsyncIterator[Engines]:
    """Share one forkserver among all tests."""
    engines = Engines()
    yield engines
    await engines.close()


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Create a loadable model folder."""
    return make_tiny_model(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="session")
def cluster() -> Iterator[tuple[str, Any]]:
    """Start a Ray cluster; yield its address and its second node, which the last test kills."""
    from tests.scale.ray_nodes import ray_nodes  # only this CI stage installs ray

    with ray_nodes() as (address, second):
        yield address, second
