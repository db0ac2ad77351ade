"""Writes the finished folder as a reproducible zip without compression.

Weights hardly compress. An uncompressed member is a byte range of the archive, so each file can be downloaded on its
own and is stored only once.
"""

import hashlib
import struct
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

CHUNK_BYTES = 1 << 20
EPOCH = (1980, 1, 1, 0, 0, 0)
"""The earliest time in a zip; a fixed one makes the archive reproducible."""
HEADER_BYTES = 30
"""A local file header before its name (APPNOTE 4.3.7); its last 4 bytes are the lengths of name and extra field."""


def write_archive(folder: Path, archive: Path, root: str) -> list[dict[str, Any]]:
    """Write `folder` to `archive` under the folder `root`. Return each member's name, size, sha256 and offset."""
    members: list[dict[str, Any]] = []
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_STORED) as target:
        for path in sorted(path for path in folder.rglob("*") if path.is_file()):
            name = path.relative_to(folder).as_posix()
            info = zipfile.ZipInfo(f"{root}/{name}", EPOCH)
            info.external_attr = 0o644 << 16
            size = path.stat().st_size
            with target.open(info, "w", force_zip64=size >= zipfile.ZIP64_LIMIT) as member:
                sha256 = hashlib.sha256()
                for chunk in _read_chunks(path):
                    sha256.update(chunk)
                    member.write(chunk)
            members.append({"name": name, "size": size, "sha256": sha256.hexdigest(), "offset": info.header_offset})
    with archive.open("rb") as file:
        return [{**member, "offset": _data_offset(file, member["offset"])} for member in members]


def _read_chunks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while chunk := file.read(CHUNK_BYTES):
            yield chunk


def _data_offset(file: BinaryIO, header: int) -> int:
    file.seek(header + HEADER_BYTES - 4)
    name, extra = struct.unpack("<HH", file.read(4))
    return int(header + HEADER_BYTES + name + extra)
