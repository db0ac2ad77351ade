"""Zip archives of an upload. No member is extracted to its own path, and none expands beyond the limits."""

import shutil
import struct
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import IO, NoReturn

from services.dataset.engine.lines import OpenFile
from services.dataset.formats import (
    DATA_EXTENSIONS,
    MAX_ARCHIVE_FILES,
    MAX_EXPANSION,
    SMALL_ARCHIVE_BYTES,
    extension_of,
)
from shared.engine.process.protocol import EngineError

MAX_DIRECTORY_BYTES = 4 << 20
"""Limit of the central directory, which zipfile reads into memory as a whole."""
END_OF_DIRECTORY = b"PK\x05\x06"
MAX_END_BYTES = 22 + 65_535
"""The end record is at most this far from the end of the file: its own size and a comment (APPNOTE 4.3.16)."""
SYMLINK, FILE_TYPE_MASK = 0o120000, 0o170000
ENCRYPTED_FLAG = 0x1
DAMAGED_MEMBER_ERRORS = (zipfile.BadZipFile, EOFError, NotImplementedError, zlib.error)
"""What reading a damaged member raises: wrong checksum, truncated, unknown compression method."""


@dataclass(frozen=True)
class SourceFile:
    """A file of the upload: its name in reports, its extension, and how to open it."""

    name: str
    extension: str
    open: OpenFile


def list_files(path: Path, name: str, scratch: Path) -> tuple[list[SourceFile], list[str]]:
    """Return the data files of an upload called `name`, and the names of ignored archive members.

    Raises EngineError `archive_refused` for an archive that breaks a rule.
    """
    extension = extension_of(name)
    if extension != ".zip":
        return [SourceFile(name, extension, lambda: path.open("rb"))], []
    _check_directory(path)
    try:
        archive = zipfile.ZipFile(path)
    except (zipfile.BadZipFile, OSError, ValueError, struct.error) as error:
        remedy = "Create the archive again, or upload it again: it may be truncated."
        raise EngineError("archive_refused", f"{name} is not a complete zip archive: {error}", remedy=remedy) from error
    members = [member for member in archive.infolist() if not member.is_dir()]
    _check_members(members, path.stat().st_size)
    members = sorted((m for m in members if not _added_by_system(m.filename)), key=lambda m: m.filename)
    data = [m for m in members if extension_of(m.filename) in DATA_EXTENSIONS]
    if not data:
        expected = ", ".join(DATA_EXTENSIONS)
        raise EngineError("archive_refused", f"{name} holds no {expected} file.", limit=list(DATA_EXTENSIONS))
    files = [SourceFile(m.filename, extension_of(m.filename), _member_opener(archive, m, scratch)) for m in data]
    return files, [m.filename for m in members if m not in data]


def _check_directory(path: Path) -> None:
    """Refuse a large central directory before zipfile reads it into memory.

    An end record that understates the size does no harm: zipfile reads no more than it states.
    """
    with path.open("rb") as file:
        file.seek(-min(path.stat().st_size, MAX_END_BYTES), 2)
        tail = file.read()
    start = tail.rfind(END_OF_DIRECTORY)
    if start >= 0 and len(tail) - start >= 20:
        (count,) = struct.unpack_from("<H", tail, start + 10)
        (size,) = struct.unpack_from("<L", tail, start + 12)
        if count > MAX_ARCHIVE_FILES or size > MAX_DIRECTORY_BYTES:
            _refuse_file_count()


def _check_members(members: list[zipfile.ZipInfo], size: int) -> None:
    if len(members) > MAX_ARCHIVE_FILES:
        _refuse_file_count()
    if len({member.filename for member in members}) != len(members):
        _refuse("The archive holds two files of the same name.", remedy="Create the archive again.")
    for member in members:
        _check_member(member)
    unpacked = sum(member.file_size for member in members)
    limit = max(SMALL_ARCHIVE_BYTES, MAX_EXPANSION * size)
    if unpacked > limit:
        _refuse(f"The archive would unpack to {unpacked} bytes.", limit=limit, remedy="Upload the files unpacked.")


def _check_member(member: zipfile.ZipInfo) -> None:
    name = member.filename
    if (member.external_attr >> 16) & FILE_TYPE_MASK == SYMLINK:
        _refuse(f"{name!r} is a symbolic link.", remedy="Add the file itself to the archive.")
    if name.startswith("/") or "\\" in member.orig_filename or ".." in name.split("/") or ":" in name.split("/")[0]:
        _refuse(f"{name!r} points outside the archive.", remedy="Use relative paths without '..'.")
    if member.flag_bits & ENCRYPTED_FLAG:
        _refuse(f"{name!r} is encrypted.", remedy="Create the archive without a password.")
    if extension_of(name) == ".zip" and not _added_by_system(name):
        _refuse(
            f"{name!r} is an archive inside the archive.", remedy="Unpack it and add its files to the outer archive."
        )


def _added_by_system(name: str) -> bool:
    """Whether an operating system added this member on its own."""
    return any(part.startswith((".", "__MACOSX")) for part in name.split("/"))


def _member_opener(archive: zipfile.ZipFile, member: zipfile.ZipInfo, scratch: Path) -> OpenFile:
    """Return a function that opens the member in the archive; Parquet, which needs seeking, is unpacked first."""

    def open_member() -> IO[bytes]:
        if extension_of(member.filename) != ".parquet":
            return archive.open(member)
        unpacked = scratch / "member.parquet"
        with archive.open(member) as source, unpacked.open("wb") as target:
            shutil.copyfileobj(source, target, 1 << 20)
        return unpacked.open("rb")

    return open_member


def _refuse_file_count() -> NoReturn:
    _refuse("The archive holds too many files.", limit=MAX_ARCHIVE_FILES, remedy="Put the rows into fewer files.")


def _refuse(detail: str, **fields: object) -> NoReturn:
    raise EngineError("archive_refused", detail, **fields)
