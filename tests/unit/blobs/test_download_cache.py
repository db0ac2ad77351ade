"""The cache behind checkouts from a remote store: verified, exact, shared by content, swept by age."""

import hashlib
import os
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event

import pytest

from shared.blobs.download_cache import KEPT_SECONDS, DownloadCache
from shared.blobs.protocol import BlobInfo
from shared.blobs.verification import CorruptArtifact

LIMIT = 2**20


def info(key: str, data: bytes) -> BlobInfo:
    return BlobInfo(key, len(data), hashlib.sha256(data).hexdigest())


def fetched(cache: DownloadCache, folder: Path, key: str, data: bytes) -> BlobInfo:
    """A blob as if it had been downloaded."""
    (folder / "draft").write_bytes(data)
    cache.add(folder / "draft", info(key, data))
    return info(key, data)


def content(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_folder_follows_its_prefix(tmp_path: Path) -> None:
    cache = DownloadCache(tmp_path / "cache", LIMIT)
    one, two = fetched(cache, tmp_path, "p/m/one", b"1"), fetched(cache, tmp_path, "p/m/deep/two", b"2")
    assert content(cache.folder("p/m", [one, two])) == {"one": b"1", "deep/two": b"2"}
    changed = fetched(cache, tmp_path, "p/m/one", b"changed")
    assert content(cache.folder("p/m", [changed])) == {"one": b"changed"}


def test_concurrent_folder_requests_succeed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cache = DownloadCache(tmp_path / "cache", LIMIT)
    blobs = [fetched(cache, tmp_path, "p/m/one", b"1")]
    link, linked, second_is_done = os.link, Event(), Event()

    def slow(source: Path, target: Path) -> None:
        link(source, target)
        if not linked.is_set():
            linked.set()
            second_is_done.wait(0.5)  # it waits for us: this passes by itself

    monkeypatch.setattr(os, "link", slow)
    with ThreadPoolExecutor(2) as threads:
        first = threads.submit(cache.folder, "p/m", blobs)
        assert linked.wait(60)
        second = threads.submit(cache.folder, "p/m", blobs)
        second.add_done_callback(lambda _: second_is_done.set())
        assert content(first.result(60)) == content(second.result(60)) == {"one": b"1"}


def test_a_wrong_checksum_is_refused(tmp_path: Path) -> None:
    cache = DownloadCache(tmp_path / "cache", LIMIT)
    (tmp_path / "draft").write_bytes(b"half")
    with pytest.raises(CorruptArtifact, match="p/m/one"):
        cache.add(tmp_path / "draft", info("p/m/one", b"half and more"))
    assert not cache.has(info("p/m/one", b"half and more"))


def test_a_damaged_content_is_downloaded_again(tmp_path: Path) -> None:
    cache = DownloadCache(tmp_path / "cache", LIMIT)
    one = fetched(cache, tmp_path, "p/m/one", b"content")
    checkout = cache.folder("p/m", [one]) / "one"
    checkout.chmod(0o644)
    checkout.write_bytes(b"cOntent")
    assert not cache.has(one)
    fetched(cache, tmp_path, "p/m/one", b"content")
    assert cache.has(one)
    assert (cache.folder("p/m", [one]) / "one").read_bytes() == b"content"


def test_equal_content_is_stored_once(tmp_path: Path) -> None:
    cache = DownloadCache(tmp_path / "cache", LIMIT)
    one = fetched(cache, tmp_path, "p/a/x", b"same")
    assert cache.has(info("p/b/y", b"same"))
    first, second = cache.folder("p/a", [one]), cache.folder("p/b", [info("p/b/y", b"same")])
    assert (first / "x").samefile(second / "y")


def test_contents_unused_for_a_week_are_deleted_at_start(tmp_path: Path) -> None:
    cache = DownloadCache(tmp_path / "cache", LIMIT)
    old, fresh = fetched(cache, tmp_path, "p/old", b"old"), fetched(cache, tmp_path, "p/fresh", b"fresh")
    stored = tmp_path / "cache/contents" / old.sha256
    os.utime(stored, (stored.stat().st_mtime - KEPT_SECONDS - 60,) * 2)
    again = DownloadCache(tmp_path / "cache", LIMIT)
    assert not again.has(old)
    assert again.has(fresh)


def test_the_least_recently_used_are_deleted_beyond_the_limit(tmp_path: Path) -> None:
    cache = DownloadCache(tmp_path / "cache", 25)
    blobs = {name: fetched(cache, tmp_path, f"p/{name}/weights", name.encode() * 10) for name in "abc"}
    for days, name in ((3, "b"), (2, "a"), (0, "c")):
        cache.folder(f"p/{name}", [blobs[name]])
        used = time.time() - days * 24 * 3600
        os.utime(tmp_path / "cache" / "contents" / blobs[name].sha256, (used, used))
    folder = cache.folder("p/c", [blobs["c"]])
    assert content(folder) == {"weights": b"c" * 10}
    assert [cache.has(blobs[name]) for name in "abc"] == [True, False, True]
    assert set(content(tmp_path / "cache" / "trees")) == {"p/a/weights", "p/c/weights"}


def test_what_was_used_today_stays_beyond_the_limit(tmp_path: Path) -> None:
    cache = DownloadCache(tmp_path / "cache", 0)
    blob = fetched(cache, tmp_path, "p/a/weights", b"a")
    cache.folder("p/a", [blob])
    assert cache.has(blob)
