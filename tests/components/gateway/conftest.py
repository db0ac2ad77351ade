"""Fixtures for the gateway tests."""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from tests.support.platform import RunningPlatform, open_platform
from tests.support.webhook_calls import HOSTS
from tests.support.webhook_receiver import Receiver, run_receiver


@pytest.fixture
async def platform(tmp_path: Path) -> AsyncIterator[RunningPlatform]:
    """A gateway with its service in the same process; webhooks may reach this machine."""
    async with open_platform(tmp_path, remote=False, webhook_hosts=HOSTS) as opened:
        yield opened


@pytest.fixture(params=["in process", "over http"])
async def any_platform(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[RunningPlatform]:
    """A gateway with its service in the same process, and one that reaches its service over HTTP."""
    async with open_platform(tmp_path, remote=request.param == "over http") as opened:
        yield opened


@pytest.fixture
async def client(platform: RunningPlatform) -> AsyncIterator[httpx.AsyncClient]:
    """A client with the operator's key."""
    async with platform.client() as opened:
        yield opened


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    """A receiver of webhooks."""
    async with run_receiver() as running:
        yield running
