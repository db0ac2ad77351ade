"""An engine that makes no progress is killed by its service's clock, whatever else it says."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from shared.runtime.processes import watchdog
from shared.runtime.processes.children import Child, Engines
from shared.runtime.processes.watchdog import EngineStalled, watched
from tests.support.engine_process import processes_ended

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def engines() -> AsyncIterator[Engines]:
    """One bare forkserver for all tests."""
    engines = Engines()
    yield engines
    await engines.close()


async def launch(engines: Engines, name: str, cwd: Path) -> Child:
    return await engines.launch(f"tests.unit.engine.engines:{name}", {}, cwd=cwd, requires=())


@pytest.mark.parametrize("name", ["obstinate", "chatty"])
async def test_an_engine_without_progress_is_killed(
    engines: Engines, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setattr(watchdog, "MIN_LIMIT_S", 1.0)
    monkeypatch.setattr(watchdog, "PACE_FACTOR", 0)
    child = await launch(engines, name, tmp_path)
    async with asyncio.timeout(60):
        with pytest.raises(EngineStalled, match="made no progress"):
            await child.answer()
    assert processes_ended(child.pid)


async def test_an_engine_that_shows_progress_may_take_longer_than_the_limit(
    engines: Engines, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watchdog, "MIN_LIMIT_S", 3.0)
    child = await launch(engines, "diligent", tmp_path)
    kinds = [message["kind"] async for message in watched(child)]
    assert kinds == ["started", "result"], "signs of life are not passed on"


async def test_a_service_that_is_slow_to_read_is_not_a_stalled_engine(
    engines: Engines, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The object store is away while a checkpoint waits for it: the engine waits too."""
    monkeypatch.setattr(watchdog, "MIN_LIMIT_S", 3.0)
    child = await launch(engines, "obey", tmp_path)
    async for message in watched(child):
        if message["kind"] == "ready":
            await asyncio.sleep(4)  # longer than the limit: this is the outage
            await child.send({"op": "stop"})
    assert (await child.wait()).code == 0


async def test_weights_extend_the_limit(engines: Engines, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watchdog, "MIN_LIMIT_S", 0.0)
    monkeypatch.setattr(watchdog, "BYTES_PER_S", 1.0)
    child = await launch(engines, "obey", tmp_path)
    seen = []
    async for message in watched(child, size=60):
        seen.append(message["kind"])
        await child.send({"op": "stop"})
    assert seen == ["ready", "result"]
