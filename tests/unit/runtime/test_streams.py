"""Streams: every record once and in order, across spills, owners and stale writers."""

from typing import Any

import pytest

from shared.documents.local import LocalDocuments
from shared.documents.protocol import Collection
from shared.runtime.errors import Unavailable
from shared.runtime.jobs.leases import LeaseLost
from shared.runtime.jobs.streams import Streams


def logs(*numbers: int, size: int = 10) -> list[dict[str, object]]:
    return [{"kind": "log", "number": n, "message": "x" * size} for n in numbers]


@pytest.fixture
async def streams(documents: LocalDocuments) -> Streams:
    return await Streams.open(documents, "training")


async def test_records_are_numbered_from_one_and_read_after(streams: Streams) -> None:
    writer = await streams.writer("job_1", token=1)
    await writer.append(logs(1, 2))
    await writer.append(logs(3))
    assert [r["seq"] for r in await streams.read("job_1")] == [1, 2, 3]
    assert [r["number"] for r in await streams.read("job_1", after=2)] == [3]
    assert await streams.read("job_1", after=3) == []
    assert await streams.read("unknown") == []


async def test_spilled_chunks_and_the_tail_read_as_one(streams: Streams) -> None:
    writer = await streams.writer("job_1", token=1)
    for number in range(1, 41):
        await writer.append(logs(number, size=5_000))
    assert [r["number"] for r in await streams.read("job_1")] == list(range(1, 41))
    assert [r["number"] for r in await streams.read("job_1", after=17, limit=5)] == [18, 19, 20, 21, 22]


async def test_new_owner_continues_and_stale_owner_cannot_write(streams: Streams) -> None:
    stale = await streams.writer("job_1", token=1)
    await stale.append(logs(1))
    fresh = await streams.writer("job_1", token=2)
    with pytest.raises(LeaseLost):
        await stale.append(logs(99))
    await fresh.append([{"kind": "rewind", "step": 0}])
    assert [r["kind"] for r in await streams.read("job_1")] == ["log", "rewind"]
    with pytest.raises(LeaseLost):
        await streams.writer("job_1", token=1)


async def test_owner_that_dies_between_chunk_and_head_loses_no_record(streams: Streams) -> None:
    dying = await streams.writer("job_1", token=1)
    await dying.append(logs(1, size=40_000))
    await dying._spill()  # and then it is killed
    fresh = await streams.writer("job_1", token=2)
    for number, size in ((2, 10), (3, 40_000)):
        await fresh.append(logs(number, size=size))
    assert [r["number"] for r in await streams.read("job_1")] == [1, 2, 3]


class LosingAnswers:
    """Heads whose next patch takes place and then fails, as when a connection breaks before the answer."""

    def __init__(self, heads: Collection) -> None:
        self._heads, self.armed = heads, True

    def __getattr__(self, name: str) -> Any:
        return getattr(self._heads, name)

    async def patch(self, *args: Any, **more: Any) -> Any:
        done = await self._heads.patch(*args, **more)
        if self.armed and "tail" in (more.get("set") or {}):
            self.armed = False
            raise Unavailable("The document server does not answer.")
        return done


@pytest.mark.parametrize("size", [10, 40_000], ids=["small", "spilling"])
async def test_batch_whose_reply_was_lost_is_stored_once(documents: LocalDocuments, size: int) -> None:
    heads = LosingAnswers(await documents.collection("training.streams"))
    streams = Streams(heads, await documents.collection("training.stream_chunks"))
    heads.armed = False
    writer = await streams.writer("job_1", token=1)
    await writer.append(logs(1, size=size))
    heads.armed = True
    with pytest.raises(Unavailable):
        await writer.append(logs(2, 3, size=size))
    stored = await writer.append(logs(2, 3, size=size))
    assert [r["seq"] for r in stored] == [2, 3]
    await writer.append(logs(4, size=size))
    assert [(r["seq"], r["number"]) for r in await streams.read("job_1")] == [(n, n) for n in range(1, 5)]


async def test_read_filters_by_kind(streams: Streams) -> None:
    writer = await streams.writer("job_1", token=1)
    await writer.append([*logs(1), {"kind": "metric", "step": 1, "loss": 2.0}])
    assert [r["seq"] for r in await streams.read("job_1", kinds=["metric"])] == [2]
