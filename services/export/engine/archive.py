"""The finished folder as one archive: a zip without compression, the same bytes for the same files.

Weights do not compress. Because members are stored as they are, each can be served as a range of the archive, so the
bytes lie in the store only once.
"""

import hashlib
import struct
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

CHUNK = 1 << 20
EPOCH = (1980, 1, 1, 0, 0, 0)
HEADER = 30
"""Bytes of a local file header before its name (APPNOTE 4.3.7); the lengths of name and extra field end it."""


def pack(folder: Path, archive: Path, top: str) -> list[dict[str, Any]]:
    """Write `folder` into `archive` below the folder `top`; each member's name, size, sha256 and offset."""
    members: list[dict[str, Any]] = []
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_STORED) as target:
        for path in sorted(path for path in folder.rglob("*") if path.is_file()):
            name = path.relative_to(folder).as_posix()
            info = zipfile.ZipInfo(f"{top}/{name}", EPOCH)
            info.external_attr = 0o644 << 16
            size = path.stat().st_size
            with target.open(info, "w", force_zip64=size >= zipfile.ZIP64_LIMIT) as member:
                sha256 = hashlib.sha256()
                for chunk in _chunks(path):
                    sha256.update(chunk)
                    member.write(chunk)
            members.append({"name": name, "size": size, "sha256": sha256.hexdigest(), "offset": info.header_offset})
    with archive.open("rb") as file:
        return [{**member, "offset": _data_offset(file, member["offset"])} for member in members]


def _chunks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            yield chunk


def _data_offset(file: BinaryIO, header: int) -> int:
    file.seek(header + HEADER - 4)
    name, extra = struct.unpack("<HH", file.read(4))
    return int(header + HEADER + name + extra)
