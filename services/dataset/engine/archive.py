"""Zip archives through our own eyes: nothing is written where a member says, and nothing grows beyond its limits."""

import shutil
import struct
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from services.dataset.engine.lines import Opener
from services.dataset.formats import (
    DATA_EXTENSIONS,
    MAX_ARCHIVE_FILES,
    MAX_RATIO,
    SMALL_ARCHIVE,
    extension_of,
)
from shared.engine.process.protocol import EngineError

MAX_DIRECTORY = 4 << 20
"""Bytes of a central directory: what its reader holds in memory."""
END = b"PK\x05\x06"
LINK, FILE_TYPE = 0o120000, 0o170000
ENCRYPTED = 0x1


@dataclass(frozen=True)
class SourceFile:
    """A file of the upload: its name in reports, its extension, and how to open it."""

    name: str
    extension: str
    opened: Opener


def files_of(path: Path, name: str, scratch: Path) -> tuple[list[SourceFile], list[str]]:
    """The data files of an upload called `name`, and which members of an archive were ignored.

    Raises EngineError `archive_refused` for archives that break a rule.
    """
    extension = extension_of(name)
    if extension != ".zip":
        return [SourceFile(name, extension, lambda: path.open("rb"))], []
    _check_directory(path)
    try:
        archive = zipfile.ZipFile(path)
    except (zipfile.BadZipFile, OSError, ValueError, struct.error) as error:
        remedy = "Make the archive again, or transfer it again; it may have been cut off."
        raise EngineError("archive_refused", f"{name} is not a complete zip archive: {error}", remedy=remedy) from error
    members = [member for member in archive.infolist() if not member.is_dir()]
    _check_members(members, path.stat().st_size)
    members = sorted((m for m in members if not _hidden(m.filename)), key=lambda m: m.filename)
    data = [m for m in members if extension_of(m.filename) in DATA_EXTENSIONS]
    if not data:
        expected = ", ".join(DATA_EXTENSIONS)
        raise EngineError("archive_refused", f"{name} holds no {expected} file.", limit=list(DATA_EXTENSIONS))
    files = [SourceFile(m.filename, extension_of(m.filename), _opener(archive, m, scratch)) for m in data]
    return files, [m.filename for m in members if m not in data]


def _check_directory(path: Path) -> None:
    """Refuse a huge central directory before it is read into memory (it may lie about its size only downwards)."""
    with path.open("rb") as file:
        file.seek(-min(path.stat().st_size, 65_557), 2)
        tail = file.read()
    at = tail.rfind(END)
    if at >= 0 and len(tail) - at >= 20:
        (count,) = struct.unpack_from("<H", tail, at + 10)
        (size,) = struct.unpack_from("<L", tail, at + 12)
        if count > MAX_ARCHIVE_FILES or size > MAX_DIRECTORY:
            _refuse(
                "The archive holds too many files.", limit=MAX_ARCHIVE_FILES, remedy="Put the rows into fewer files."
            )


def _check_members(members: list[zipfile.ZipInfo], size: int) -> None:
    if len(members) > MAX_ARCHIVE_FILES:
        _refuse("The archive holds too many files.", limit=MAX_ARCHIVE_FILES, remedy="Put the rows into fewer files.")
    if len({member.filename for member in members}) != len(members):
        _refuse("The archive holds two files of one name.", remedy="Make the archive again.")
    for member in members:
        _check_member(member)
    content, limit = sum(member.file_size for member in members), max(SMALL_ARCHIVE, MAX_RATIO * size)
    if content > limit:
        _refuse(f"The archive would unpack to {content} bytes.", limit=limit, remedy="Upload the files unpacked.")


def _check_member(member: zipfile.ZipInfo) -> None:
    name = member.filename
    if (member.external_attr >> 16) & FILE_TYPE == LINK:
        _refuse(f"{name!r} is a link.", remedy="Put the file itself into the archive.")
    if name.startswith("/") or "\\" in member.orig_filename or ".." in name.split("/") or ":" in name.split("/")[0]:
        _refuse(f"{name!r} leads out of the archive.", remedy="Use relative names without '..'.")
    if member.flag_bits & ENCRYPTED:
        _refuse(f"{name!r} is encrypted.", remedy="Make the archive without a password.")
    if extension_of(name) == ".zip" and not _hidden(name):
        _refuse(f"{name!r} is an archive inside the archive.", remedy="Unpack it, and put its files into one archive.")


def _hidden(name: str) -> bool:
    """What operating systems add on their own."""
    return any(part.startswith((".", "__MACOSX")) for part in name.split("/"))


def _opener(archive: zipfile.ZipFile, member: zipfile.ZipInfo, scratch: Path) -> Opener:
    """Rows are read straight out of the archive; only Parquet, which is read from its end, is unpacked for a while."""

    def opened() -> IO[bytes]:
        if extension_of(member.filename) != ".parquet":
            return archive.open(member)
        unpacked = scratch / "member.parquet"
        with archive.open(member) as source, unpacked.open("wb") as target:
            shutil.copyfileobj(source, target, 1 << 20)
        return unpacked.open("rb")

    return opened


DAMAGED = (zipfile.BadZipFile, EOFError, NotImplementedError, zlib.error)
"""What reading a damaged member raises: wrong checksum, cut off, a compression that we do not know."""


def _refuse(detail: str, **fields: object) -> None:
    raise EngineError("archive_refused", detail, **fields)
