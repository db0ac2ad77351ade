"""Local copies of remote artifacts for engines to read: each content once, each folder made of hard links to it.

- `contents/<sha256>`: verified files, read-only
- `trees/<key>`: hard links, exactly the blobs of a prefix once it was checked out

Owned by one process. What nobody asked for in a week goes at the next start, when no engine of ours can be reading it.
"""

import hashlib
import os
import shutil
import threading
import time
import uuid
from collections.abc import Sequence
from pathlib import Path

from shared.blobs.protocol import BlobInfo

KEPT_SECONDS = 7 * 24 * 3600.0


class DownloadCache:
    """The cache below `root`."""

    def __init__(self, root: Path) -> None:
        self._contents, self._trees = root / "contents", root / "trees"
        self._linking = threading.Lock()
        self._sweep()
        self._contents.mkdir(parents=True, exist_ok=True)
        self._trees.mkdir(exist_ok=True)

    def has(self, info: BlobInfo) -> bool:
        """Whether this content is here; then it is of use for another week."""
        try:
            os.utime(self._contents / info.sha256)
        except FileNotFoundError:
            return False
        return True

    def take(self, draft: Path, info: BlobInfo) -> None:
        """Make a downloaded file ours. Raises OSError when it is not what the store said."""
        with draft.open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
        if found != info.sha256:
            raise OSError(f"{info.key}: checksum {found} instead of {info.sha256}")
        draft.chmod(0o444)
        draft.replace(self._contents / info.sha256)

    def folder(self, prefix: str, infos: Sequence[BlobInfo]) -> Path:
        """The folder of a prefix: the given blobs, whose contents are here, and nothing more."""
        with self._linking:  # a second one would take the first one's drafts away
            return self._linked(self._trees / prefix, infos)

    def _linked(self, folder: Path, infos: Sequence[BlobInfo]) -> Path:
        if folder.is_file():
            folder.unlink()
        wanted = {self._trees / info.key: self._contents / info.sha256 for info in infos}
        for path in [path for path in folder.rglob("*") if path.is_file() and path not in wanted]:
            path.unlink(missing_ok=True)
        for path, content in wanted.items():
            _link(path, content)
        return folder

    def _sweep(self) -> None:
        """Remove contents that were not asked for lately, and all folders: links are made again in no time."""
        shutil.rmtree(self._trees, ignore_errors=True)
        oldest = time.time() - KEPT_SECONDS
        for content in self._contents.glob("*"):
            if content.stat().st_mtime < oldest:
                content.unlink(missing_ok=True)


def _link(path: Path, content: Path) -> None:
    """A hard link to the content, in one step where an older file stands."""
    if path.exists() and path.samefile(content):
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{uuid.uuid4().hex}")
    os.link(content, draft)
    draft.replace(path)
