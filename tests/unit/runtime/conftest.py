"""Real embedded adapters for the runtime's tests."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from shared.bus.local import LocalBus
from shared.documents.local import LocalDocuments
from shared.runtime.jobs.outbox import Outbox


@pytest.fixture
async def documents(tmp_path: Path) -> AsyncIterator[LocalDocuments]:
    opened = LocalDocuments(tmp_path / "documents.sqlite")
    yield opened
    await opened.close()


@pytest.fixture
async def bus(tmp_path: Path) -> AsyncIterator[LocalBus]:
    opened = LocalBus(tmp_path / "bus.sqlite")
    yield opened
    await opened.close()


@pytest.fixture
def outbox(bus: LocalBus, documents: LocalDocuments) -> Outbox:
    return Outbox(bus, documents)
