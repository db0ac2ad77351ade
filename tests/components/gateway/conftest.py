"""Fixtures for the gateway tests."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support.platform import RunningPlatform, open_platform


@pytest.fixture
async def platform(tmp_path: Path) -> AsyncIterator[RunningPlatform]:
    """A gateway with its service in the same process."""
    async with open_platform(tmp_path, remote=False) as opened:
        yield opened


@pytest.fixture(params=["in process", "over http"])
async def any_platform(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[RunningPlatform]:
    """A gateway with its service in the same process, and one that reaches its service over HTTP."""
    async with open_platform(tmp_path, remote=request.param == "over http") as opened:
        yield opened
