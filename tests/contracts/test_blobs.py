"""What the Blobs port promises, sentence by sentence."""

import asyncio
import hashlib
import tracemalloc
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from shared.blobs import BlobInfo, Blobs
from shared.blobs.errors import BlobNotFound, InvalidKey

KEY = "default/datasets/d1/1/part-00000.parquet"
MIB = 1 << 20


async def content(blobs: Blobs, key: str, **bounds: Any) -> bytes:
    return b"".join([chunk async for chunk in blobs.read(key, **bounds)])


async def stream(*chunks: bytes) -> AsyncIterator[bytes]:
    for chunk in chunks:
        yield chunk


def info(key: str, data: bytes) -> BlobInfo:
    return BlobInfo(key, len(data), hashlib.sha256(data).hexdigest())


async def test_bytes_files_and_streams_store_the_same_content(blobs: Blobs, tmp_path: Path) -> None:
    data = b"one two three" * 100_000
    (tmp_path / "source").write_bytes(data)
    for source in (data, tmp_path / "source", stream(data[:5], b"", data[5:])):
        stored = await blobs.put(KEY, source)
        assert stored == info(KEY, data) == await blobs.stat(KEY)
        assert await content(blobs, KEY) == data
        await blobs.delete(KEY)


async def test_empty_blob_is_stored(blobs: Blobs) -> None:
    assert await blobs.put(KEY, b"") == info(KEY, b"")
    assert await content(blobs, KEY) == b""


async def test_stored_file_is_a_copy_of_its_source(blobs: Blobs, tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.write_bytes(b"before")
    await blobs.put(KEY, source)
    with source.open("r+b") as file:
        file.write(b"AFTER!")
    assert await content(blobs, KEY) == b"before"
    assert await blobs.stat(KEY) == info(KEY, b"before")


async def test_put_overwrites_an_existing_key(blobs: Blobs) -> None:
    await blobs.put(KEY, b"the first, which is longer")
    await blobs.put(KEY, b"second")
    assert await content(blobs, KEY) == b"second"
    assert await blobs.stat(KEY) == info(KEY, b"second")


async def test_read_returns_the_requested_range(blobs: Blobs) -> None:
    data = bytes(range(256)) * 12_000
    await blobs.put(KEY, data)
    ends = (0, 1, 255, MIB - 1, MIB, MIB + 1, 2 * MIB + 7, len(data))
    for start in ends:
        assert await content(blobs, KEY, start=start) == data[start:]
        for end in ends:
            assert await content(blobs, KEY, start=start, end=end) == data[start:end]
    assert await content(blobs, KEY, start=len(data) - 2, end=len(data) + 10) == data[-2:]


async def test_reading_a_missing_key_raises_on_the_first_chunk(blobs: Blobs) -> None:
    await blobs.put(KEY, b"x")
    for key in ("default/none", KEY + "x", "default/datasets/d1"):
        with pytest.raises(BlobNotFound) as caught:
            await anext(blobs.read(key))
        assert caught.value.code == "artifact_gone"
        assert await blobs.stat(key) is None


@pytest.mark.parametrize("before", [None, b"the old content"])
async def test_failed_stream_stores_nothing(blobs: Blobs, before: bytes | None) -> None:
    async def broken() -> AsyncIterator[bytes]:
        yield b"half" * MIB
        raise ConnectionError("the client went away")

    if before is not None:
        await blobs.put(KEY, before)
    with pytest.raises(ConnectionError):
        await blobs.put(KEY, broken())
    assert await blobs.stat(KEY) == (info(KEY, before) if before else None)
    assert await blobs.list("default") == ([info(KEY, before)] if before else [])


async def test_cancelled_put_stores_nothing(blobs: Blobs) -> None:
    begun = asyncio.Event()

    async def endless() -> AsyncIterator[bytes]:
        yield b"half"
        begun.set()
        await asyncio.Event().wait()

    putting = asyncio.create_task(blobs.put(KEY, endless()))
    await begun.wait()
    assert await blobs.stat(KEY) is None
    putting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await putting
    assert await blobs.list("default") == []


async def test_missing_source_file_stores_nothing(blobs: Blobs, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        await blobs.put(KEY, tmp_path / "absent")
    assert await blobs.stat(KEY) is None


async def test_concurrent_readers_see_one_whole_content(blobs: Blobs) -> None:
    contents = [bytes([letter]) * (3 * MIB + letter) for letter in b"ab"]
    sums = {info(KEY, data) for data in contents}
    await blobs.put(KEY, contents[0])
    writing = asyncio.create_task(_alternate(blobs, contents))
    reads = 0
    while not writing.done() or not reads:
        assert await content(blobs, KEY) in contents
        assert await blobs.stat(KEY) in sums
        reads += 1
    await writing


async def _alternate(blobs: Blobs, contents: list[bytes]) -> None:
    for number in range(12):
        await blobs.put(KEY, contents[number % 2])


async def test_concurrent_writers_leave_one_whole_content(blobs: Blobs) -> None:
    contents = [bytes([number]) * MIB for number in range(8)]
    await asyncio.gather(*(blobs.put(KEY, data) for data in contents))
    last = await content(blobs, KEY)
    assert last in contents
    assert await blobs.stat(KEY) == info(KEY, last)


async def test_put_and_read_use_constant_memory(blobs: Blobs, tmp_path: Path) -> None:
    async def large() -> AsyncIterator[bytes]:
        for number in range(64):
            yield bytes([number]) * MIB

    tracemalloc.start()
    try:
        await blobs.put(KEY, large())
        size = 0
        with (tmp_path / "large").open("wb") as copy:
            async for chunk in blobs.read(KEY):
                size += copy.write(chunk)
        await blobs.put(KEY, tmp_path / "large")
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert size == 64 * MIB
    assert peak < 16 * MIB


BAD_KEYS = [
    "",
    "/",
    "/etc/passwd",
    "a/../b",
    "..",
    "a/.",
    "a//b",
    "a/",
    "a b",
    "a\\b",
    "a\0b",
    "ä/b",
    "a\n",
    "a/%2e%2e",
]
BAD_KEYS += ["~root/../x?", "a" * 256, "/".join(["a" * 200] * 6)]


@pytest.mark.parametrize("key", BAD_KEYS)
async def test_invalid_keys_are_refused_by_every_operation(blobs: Blobs, key: str) -> None:
    with pytest.raises(InvalidKey):
        await blobs.put(key, b"x")
    with pytest.raises(InvalidKey):
        await anext(blobs.read(key))
    for refuse in (blobs.stat, blobs.list, blobs.delete, blobs.local_folder):
        with pytest.raises(InvalidKey):
            await refuse(key)


async def test_key_below_another_key_is_refused(blobs: Blobs) -> None:
    await blobs.put("default/a", b"x")
    with pytest.raises(InvalidKey):
        await blobs.put("default/a/b", b"y")
    with pytest.raises(InvalidKey):
        await blobs.put("default", b"y")
    assert [blob.key for blob in await blobs.list("default")] == ["default/a"]


async def test_list_is_sorted_and_matches_whole_segments(blobs: Blobs) -> None:
    keys = ["p/a.b", "p/a/1", "p/a/2/x", "p/a-b", "p/ab/1", "p/B", "q/a/1"]
    for key in keys:
        await blobs.put(key, key.encode())
    assert await blobs.list("p") == [info(key, key.encode()) for key in sorted(keys) if key.startswith("p/")]
    assert [blob.key for blob in await blobs.list("p/a")] == ["p/a/1", "p/a/2/x"]
    assert await blobs.list("p/a/1") == []
    assert await blobs.list("none") == []
    assert await blobs.sizes("p/a") == {"p/a/1": 5, "p/a/2/x": 7}


async def test_delete_removes_the_key_and_everything_below(blobs: Blobs) -> None:
    for key in ("p/a/1", "p/a/2/x", "p/ab", "p/c"):
        await blobs.put(key, b"x")
    assert await blobs.delete("p/a") == 2
    assert [blob.key for blob in await blobs.list("p")] == ["p/ab", "p/c"]
    assert await blobs.delete("p/c") == 1
    assert await blobs.stat("p/c") is None
    assert await blobs.delete("p/a") == await blobs.delete("nothing/here") == 0
    await blobs.put("p/a/1", b"again")
    assert await content(blobs, "p/a/1") == b"again"


async def test_concurrent_puts_and_deletes_succeed(blobs: Blobs) -> None:
    keys = [f"p/a/{number}/x" for number in range(60)]
    async with asyncio.TaskGroup() as group:
        for key in keys:
            group.create_task(blobs.put(key, b"x"))
            group.create_task(blobs.delete("p/a"))
            group.create_task(blobs.list("p"))
    left = await blobs.list("p/a")
    assert {blob.key for blob in left} <= set(keys)
    await blobs.put("p/a/last", b"x")
    assert await blobs.delete("p/a") == len(left) + 1


async def test_local_folder_holds_exactly_the_prefix(blobs: Blobs) -> None:
    await blobs.put("p/m/config.json", b"{}")
    await blobs.put("p/m/deep/weights", b"w" * 1000)
    await blobs.put("p/other", b"x")
    folder = await blobs.local_folder("p/m")
    found = {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    assert found == {"config.json": b"{}", "deep/weights": b"w" * 1000}
    assert all(path.stat().st_mode & 0o222 == 0 for path in folder.rglob("*") if path.is_file())


@pytest.mark.parametrize("prefix", ["p/none", "p/file", "p/emptied"])
async def test_local_folder_of_nothing_is_gone(blobs: Blobs, prefix: str) -> None:
    await blobs.put("p/file", b"x")
    await blobs.put("p/emptied/file", b"x")
    await blobs.delete("p/emptied/file")
    with pytest.raises(BlobNotFound):
        await blobs.local_folder(prefix)


async def test_blobs_survive_closing(blobs_place: Any) -> None:
    await (await blobs_place.open()).put(KEY, b"kept")
    blobs = await blobs_place.open()
    assert await blobs.list("default") == [info(KEY, b"kept")]
    assert await content(blobs, KEY) == b"kept"


WRITER = """
import asyncio, sys, itertools
from pathlib import Path
from tests.contracts.adapters import BLOBS

async def main():
    blobs = await BLOBS[sys.argv[1]](Path(sys.argv[2]))
    numbers = itertools.count()
    async def write():
        for number in numbers:
            await blobs.put(f"p/{number}", bytes([number % 256]) * 300_000)
            print(number)
    await asyncio.gather(*(write() for _ in range(4)))

asyncio.run(main())
"""


async def test_acknowledged_puts_survive_a_kill_and_drafts_do_not(blobs_place: Any, kill_after: Any) -> None:
    acknowledged = await asyncio.to_thread(kill_after, 30, WRITER, blobs_place)
    left = {int(blob.key.removeprefix("p/")): blob for blob in await (await blobs_place.open()).list("p")}
    assert {int(number) for number in acknowledged} <= left.keys()
    for number, blob in left.items():
        assert blob == info(f"p/{number}", bytes([number % 256]) * 300_000)


async def test_ping_answers(blobs: Blobs) -> None:
    await blobs.ping()
