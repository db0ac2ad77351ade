"""Verifies the files of an artifact by the checksums of its manifest before an engine opens them.

A file is hashed once per process and identity (device, inode, size, time of change).
"""

import hashlib
import os
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

from shared.blobs.manifests import FileEntry
from shared.runtime.errors import AnnealError

SHOWN_DIGITS = 12
"""Of a checksum in an error."""
LOADED_SUFFIXES = frozenset((".safetensors", ".json", ".jinja", ".model", ".txt", ".tiktoken"))
"""Of the files that loaders open, whether a manifest lists them or not."""


class CorruptArtifact(AnnealError):
    """A file is not the one that was published: its content differs, it is missing, or nobody has checked it."""

    status = 409
    code = "corrupt_artifact"


@dataclass(frozen=True)
class _Content:
    """The content of a file. Equal for hard links, and unequal once the file has changed."""

    path: Path = field(compare=False)
    device: int
    inode: int
    size: int
    changed_ns: int


def file_sha256(path: Path) -> str:
    """The sha256 of a file in hex, from memory if this process has hashed the same content before."""
    stat = path.stat()
    return _sha256(_Content(path, stat.st_dev, stat.st_ino, stat.st_size, stat.st_mtime_ns))


@lru_cache(maxsize=100_000)
def _sha256(content: _Content) -> str:
    with content.path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def describe_files(files: Mapping[str, Path]) -> list[FileEntry]:
    """The manifest's entries of files (name -> path)."""
    return [
        FileEntry(name=name, size=path.stat().st_size, sha256=file_sha256(path)) for name, path in sorted(files.items())
    ]


def verify_files(folder: Path, files: Collection[FileEntry], remedy: str) -> None:
    """Raise CorruptArtifact, with the remedy, unless these files in the folder are as published."""
    for entry in files:
        path = folder / entry.name
        try:
            found = file_sha256(path)
        except OSError as error:
            detail = f"The file {entry.name} cannot be read: {os.strerror(error.errno or 0)}."
            raise CorruptArtifact(detail, remedy=remedy, file=entry.name) from error
        if found != entry.sha256:
            raise changed_file(entry.name, found, entry.sha256, remedy)


def changed_file(name: str, found: str, expected: str, remedy: str) -> CorruptArtifact:
    """The error of a file with another checksum than the expected one."""
    found, expected = found[:SHOWN_DIGITS], expected[:SHOWN_DIGITS]
    detail = f"The file {name} has changed since it was published: its sha256 begins with {found}, not with {expected}."
    return CorruptArtifact(detail, remedy=remedy, file=name, expected=expected, found=found)


def refuse_others(folder: Path, files: Collection[FileEntry], remedy: str) -> None:
    """Raise CorruptArtifact for a file that a loader might open but that the manifest does not list."""
    listed = {entry.name for entry in files}
    for name in sorted(os.listdir(folder)):
        if Path(name).suffix in LOADED_SUFFIXES and name not in listed and name != "manifest.json":
            detail = f"The file {name} was added after the model was checked."
            raise CorruptArtifact(detail, remedy=remedy, file=name)
