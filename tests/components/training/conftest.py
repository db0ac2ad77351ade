"""Fixtures for the training tests: one service that most of them share, in the session's event loop."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from shared.runtime.processes.children import Engines
from tests.support.tiny_model import make_tiny_model
from tests.support.training_service import FINAL, TrainingHarness, open_training


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run all coroutines of this folder in the session's event loop, which owns the forkserver."""
    here = Path(__file__).parent
    for item in items:
        if item.path.is_relative_to(here) and pytest_asyncio.is_async_test(item):
            item.add_marker(pytest.mark.asyncio(loop_scope="session"), append=False)


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A loadable model folder."""
    return make_tiny_model(tmp_path_factory.mktemp("tiny"))


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def shared_service(
    tmp_path_factory: pytest.TempPathFactory, engines: Engines, tiny_model: Path
) -> AsyncIterator[TrainingHarness]:
    async with open_training(tmp_path_factory.mktemp("home"), engines, tiny_model) as opened:
        yield opened


@pytest_asyncio.fixture(loop_scope="session")
async def service(shared_service: TrainingHarness) -> AsyncIterator[TrainingHarness]:
    """The shared training service, with nothing scripted; afterwards, without a job that has not ended."""
    shared_service.control()
    yield shared_service
    for job in (await shared_service.http.get("/training/jobs", params={"limit": 200})).json()["items"]:
        if job["state"] not in FINAL:
            await shared_service.cancel(job["id"])
