"""Usage counts: the sliding window, and replicas that add up through documents."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from services.gateway.limits.usage import SlidingWindow, Usage
from services.gateway.store import USAGE
from shared.documents.local import LocalDocuments


@pytest.fixture
async def documents(tmp_path: Path) -> AsyncIterator[LocalDocuments]:
    opened = LocalDocuments(tmp_path / "documents.sqlite")
    yield opened
    await opened.close()


MINUTE = 29_000_000 * 60.0


def test_a_window_slides_instead_of_starting_anew() -> None:
    window = SlidingWindow(60, int(MINUTE // 60), current=30)
    assert window.used(MINUTE + 59) == 30
    assert window.used(MINUTE + 60) == 30
    assert window.used(MINUTE + 90) == 15
    assert window.used(MINUTE + 120) == 0


@pytest.mark.parametrize(("current", "previous", "elapsed"), [(5, 0, 10), (3, 9, 20), (0, 60, 1), (1, 0, 59.5)])
@pytest.mark.parametrize("rest", [0, 2, 4])
def test_the_wait_is_exactly_as_long_as_needed(current: int, previous: int, elapsed: float, rest: int) -> None:
    now = MINUTE + elapsed
    window = SlidingWindow(60, int(now // 60), current, previous)
    is_free, wait = window.used(now) <= rest, window.wait(now, rest)
    assert (wait == 0) == is_free
    assert window.used(now + wait + 1e-3) <= rest
    if wait > 1:
        window = SlidingWindow(60, int(now // 60), current, previous)
        assert window.used(now + wait - 1) > rest


async def test_replicas_add_up_and_a_restart_forgets_nothing(documents: LocalDocuments) -> None:
    stored, now = await documents.collection(USAGE.name, USAGE.indexes), MINUTE + 1
    first, second = Usage(stored, lambda: now), Usage(stored, lambda: now)
    for usage in (first, second):
        await usage.window("key/a", "requests")
        for _ in range(3):
            usage.add("key/a", "requests", 1)
        usage.add_stream("key/a", 1)
    await first.flush()
    await second.flush()
    first.add("key/a", "requests", 1)
    await first.flush()
    counts = [
        (await usage.window("key/a", "requests")).used(now) for usage in (first, second, Usage(stored, lambda: now))
    ]
    assert counts == [7, 6, 7], "the second does not know the last request before its next flush"
    assert first.streams("key/a") == 2
    second.add_stream("key/a", -1)
    await second.flush()
    await first.flush()
    assert (first.streams("key/a"), second.streams("key/a")) == (1, 1)
    now += 200
    await first.delete_expired()
    assert await stored.count({}) == 0


async def test_counts_survive_an_outage_of_the_documents(
    documents: LocalDocuments, monkeypatch: pytest.MonkeyPatch
) -> None:
    stored, now = await documents.collection(USAGE.name, USAGE.indexes), MINUTE + 1
    usage = Usage(stored, lambda: now)
    await usage.window("key/a", "requests")
    usage.add("key/a", "requests", 2)

    async def away(*_: object, **__: object) -> None:
        raise OSError("away")

    with monkeypatch.context() as outage:
        outage.setattr(stored, "patch", away)
        with pytest.raises(OSError, match="away"):
            await usage.flush()
        usage.add("key/a", "requests", 1)
    await usage.flush()
    assert (await Usage(stored, lambda: now).window("key/a", "requests")).used(now) == 3
