"""Local copies of remote artifacts: every content is stored once, and folders are hard links to it.

- `contents/<sha256>`: verified files, read-only; the time of access is that of the last use
- `trees/<key>`: hard links, exactly the blobs of a prefix

Owned by one process. Contents unused for a week are deleted at the next start, when no engine can be reading them.
Beyond the size limit, the least recently used are deleted at once, except those of the last day: an engine that is
still loading may read them, and one that has loaded holds its files open.
"""

import os
import shutil
import threading
import time
import uuid
from collections.abc import Sequence
from pathlib import Path

from shared.blobs.protocol import BlobInfo
from shared.blobs.verification import changed_file, file_sha256

KEPT_SECONDS = 7 * 24 * 3600.0
CACHE_LIMIT = 100 * 2**30
IN_USE_SECONDS = 24 * 3600.0


class DownloadCache:
    """The cache below `root`, of about `limit` bytes."""

    def __init__(self, root: Path, limit: int) -> None:
        self._contents, self._trees, self._limit = root / "contents", root / "trees", limit
        self._linking = threading.Lock()
        self._sweep()
        self._contents.mkdir(parents=True, exist_ok=True)
        self._trees.mkdir(exist_ok=True)

    def has(self, info: BlobInfo) -> bool:
        """Whether this content is cached, undamaged; if so, keep it for another week."""
        content = self._contents / info.sha256
        try:
            if file_sha256(content) != info.sha256:
                content.unlink()  # it is downloaded again
                return False
            os.utime(content, ns=(time.time_ns(), content.stat().st_mtime_ns))
        except FileNotFoundError:
            return False
        return True

    def add(self, draft: Path, info: BlobInfo) -> None:
        """Move a downloaded file into the cache. Raises CorruptArtifact for a wrong checksum."""
        if (found := file_sha256(draft)) != info.sha256:
            remedy = "Restore it from a backup of the bucket, or add what it belongs to again."
            raise changed_file(info.key, found, info.sha256, remedy)
        draft.chmod(0o444)
        draft.replace(self._contents / info.sha256)

    def folder(self, prefix: str, infos: Sequence[BlobInfo]) -> Path:
        """Return the folder of a prefix with exactly the given blobs, whose contents are cached."""
        with self._linking:  # a concurrent call would delete this one's drafts
            self._evict()
            return self._linked(self._trees / prefix, infos)

    def _linked(self, folder: Path, infos: Sequence[BlobInfo]) -> Path:
        if folder.is_file():
            folder.unlink()
        links = {self._trees / info.key: self._contents / info.sha256 for info in infos}
        for path in [path for path in folder.rglob("*") if path.is_file() and path not in links]:
            path.unlink(missing_ok=True)
        for path, content in links.items():
            _link(path, content)
        return folder

    def _evict(self) -> None:
        """Delete the least recently used contents beyond the limit, with the links to them."""
        found = sorted((path.stat() for path in self._contents.iterdir()), key=lambda content: content.st_atime)
        excess, oldest = sum(content.st_size for content in found) - self._limit, time.time() - IN_USE_SECONDS
        evicted: set[int] = set()
        for content in found:
            if excess <= 0 or content.st_atime >= oldest:
                break
            evicted.add(content.st_ino)
            excess -= content.st_size
        if evicted:
            for path in [*self._contents.iterdir(), *self._trees.rglob("*")]:
                if path.stat().st_ino in evicted:
                    path.unlink()

    def _sweep(self) -> None:
        """Delete contents unused for a week, and all folders, since links are quickly recreated."""
        shutil.rmtree(self._trees, ignore_errors=True)
        oldest = time.time() - KEPT_SECONDS
        for content in self._contents.glob("*"):
            if content.stat().st_atime < oldest:
                content.unlink(missing_ok=True)


def _link(path: Path, content: Path) -> None:
    """Link to the content, atomically replacing an older file."""
    if path.exists() and path.samefile(content):
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{uuid.uuid4().hex}")
    os.link(content, draft)
    draft.replace(path)
