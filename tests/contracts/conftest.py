"""Every adapter under the same suite, in a place that a test can leave, kill and open again."""

import asyncio
import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Generic, Protocol, TypeVar

import pytest

from deploy.servers import RABBIT
from shared.blobs import Blobs
from shared.bus import Bus
from shared.documents import Documents
from tests.contracts import adapters
from tests.contracts.server_substitutes import expected_failure


class Closable(Protocol):
    async def close(self) -> None: ...


collect_ignore = [
    *([] if adapters.AMQP and RABBIT.exists() else ["test_broker_restart.py"]),
    *([] if adapters.AMQP else ["test_rabbit.py", "test_subscriber.py"]),
    *([] if adapters.MONGO else ["test_lost_answers.py"]),
]
T = TypeVar("T", bound=Closable)
ROOT = Path(__file__).parents[2]
DELAYS = (0.02, 0.04, 0.08)
OUTCOMES = {"xfailed": "expected to fail on the server substitute"}


@dataclass
class Place(Generic[T]):
    """Where an adapter keeps its things; `opened` is the instance that works on it now."""

    adapter: str
    folder: Path
    factory: Callable[..., Awaitable[T]]
    opened: T | None = field(default=None)

    async def open(self, **options: object) -> T:
        """Close the instance before, if there is one, and open the place again."""
        await self.close()
        self.opened = await self.factory(self.folder, **options)
        return self.opened

    async def forget(self) -> None:
        """Close, and leave nothing on a server."""
        await self.close()
        if self.adapter in adapters.FORGET:
            await adapters.FORGET[self.adapter](self.folder)

    async def close(self) -> None:
        opened, self.opened = self.opened, None
        if opened is not None:
            await opened.close()


@pytest.fixture(params=adapters.DOCUMENTS)
async def documents_place(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Place[Documents]]:
    place = Place(request.param, tmp_path, adapters.DOCUMENTS[request.param])
    yield place
    await place.forget()


@pytest.fixture
async def documents(documents_place: Place[Documents]) -> Documents:
    return await documents_place.open()


@pytest.fixture(params=adapters.BUS)
async def bus_place(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Place[Bus]]:
    factory = partial(adapters.BUS[request.param], retry_delays=DELAYS, listener_buffer=1000)
    place = Place(request.param, tmp_path, factory)
    yield place
    await place.forget()


@pytest.fixture
async def bus(bus_place: Place[Bus]) -> Bus:
    return await bus_place.open()


@pytest.fixture(params=adapters.BLOBS)
async def blobs_place(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Place[Blobs]]:
    place = Place(request.param, tmp_path / "store", adapters.BLOBS[request.param])
    yield place
    await place.forget()


@pytest.fixture
async def blobs(blobs_place: Place[Blobs]) -> Blobs:
    return await blobs_place.open()


def _place(item: pytest.Item) -> tuple[str, str] | None:
    """The port and the adapter that a test runs on."""
    parameters = getattr(getattr(item, "callspec", None), "params", {})
    places = ((name.removesuffix("_place"), value) for name, value in parameters.items() if name.endswith("_place"))
    return next(places, None)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the expected failures of server substitutes, and record each test's adapter for the summary."""
    for item in items:
        if place := _place(item):
            port, adapter = place
            item.user_properties.append(("adapter", f"{port:10} {adapter}"))
            if reason := expected_failure(getattr(item, "originalname", item.name), adapter):
                item.add_marker(pytest.mark.xfail(reason=reason, strict=True))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """How many tests each adapter passed."""
    counts: dict[str, Counter[str]] = {}
    for outcome in ("passed", "failed", "xfailed"):
        for report in terminalreporter.stats.get(outcome, ()):
            if adapter := dict(report.user_properties).get("adapter"):
                counts.setdefault(str(adapter), Counter())[outcome] += 1
    terminalreporter.section("contract suites by adapter")
    for adapter, count in sorted(counts.items()):
        counts = ", ".join(f"{number} {OUTCOMES.get(outcome, outcome)}" for outcome, number in count.items())
        terminalreporter.write_line(f"{adapter:20} {counts}")


@pytest.fixture(scope="session", autouse=True)
def _no_queues_left() -> Iterator[None]:
    yield
    if adapters.AMQP:
        asyncio.run(adapters.delete_queues())


def killed_after(lines: int, script: str, place: Place[T]) -> list[str]:
    """Run `script` in a process of its own, kill -9 it once it printed so many lines; all that it printed."""
    command = [sys.executable, "-u", "-c", script, place.adapter, str(place.folder)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        printed = [child.stdout.readline() for _ in range(lines)]
        os.kill(child.pid, signal.SIGKILL)
        printed += child.stdout.readlines()
    assert child.returncode == -signal.SIGKILL, "the script ended by itself"
    return [line.strip() for line in printed if line.endswith("\n")]


@pytest.fixture
def kill_after() -> Callable[[int, str, Place[Closable]], list[str]]:
    return killed_after
