"""Fixtures of the gateway's tests."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support.platform import House, open_house


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    """A platform with its room in the same process."""
    async with open_house(tmp_path, remote=False) as opened:
        yield opened


@pytest.fixture(params=["in process", "over http"])
async def any_house(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[House]:
    """A platform with its room in the same process, and one with the room behind an address."""
    async with open_house(tmp_path, remote=request.param == "over http") as opened:
        yield opened
