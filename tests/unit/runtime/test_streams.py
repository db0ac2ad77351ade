"""Streams: every record once and in order, across spills, owners and stale writers."""

import pytest

from shared.documents.local import LocalDocuments
from shared.runtime.leases import LeaseLost
from shared.runtime.streams import Streams


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


async def test_a_new_owner_goes_on_and_the_stale_one_cannot_write(streams: Streams) -> None:
    stale = await streams.writer("job_1", token=1)
    await stale.append(logs(1))
    fresh = await streams.writer("job_1", token=2)
    with pytest.raises(LeaseLost):
        await stale.append(logs(99))
    await fresh.append([{"kind": "rewind", "step": 0}])
    assert [r["kind"] for r in await streams.read("job_1")] == ["log", "rewind"]
    with pytest.raises(LeaseLost):
        await streams.writer("job_1", token=1)


async def test_kinds_filter(streams: Streams) -> None:
    writer = await streams.writer("job_1", token=1)
    await writer.append([*logs(1), {"kind": "metric", "step": 1, "loss": 2.0}])
    assert [r["seq"] for r in await streams.read("job_1", kinds=["metric"])] == [2]
