"""Fixtures of the training room's tests: one event loop and one warm parent for all, since imports cost seconds."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from shared.runtime.processes.children import Engines
from tests.support.tiny_model import make_tiny_model
from tests.support.training_service import Room, open_room


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """All coroutines of this folder share the session's loop, as the warm parent does."""
    here = Path(__file__).parent
    for item in items:
        if item.path.is_relative_to(here) and pytest_asyncio.is_async_test(item):
            item.add_marker(pytest.mark.asyncio(loop_scope="session"), append=False)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def engines() -> AsyncIterator[Engines]:
    """One warm parent for all tests: its imports cost seconds."""
    warm = Engines()
    yield warm
    await warm.close()


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A loadable model folder."""
    return make_tiny_model(tmp_path_factory.mktemp("tiny"))


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def shared_room(tmp_path_factory: pytest.TempPathFactory, engines: Engines, tiny: Path) -> AsyncIterator[Room]:
    async with open_room(tmp_path_factory.mktemp("home"), engines, tiny) as opened:
        yield opened


@pytest.fixture
def room(shared_room: Room) -> Room:
    """The room, with nothing scripted."""
    shared_room.control()
    return shared_room
