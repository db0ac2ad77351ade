"""Zip archives of an upload. No member is extracted to its own path, and none expands beyond the limits."""

import lzma
import re
import shutil
import struct
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, NoReturn

from services.dataset.engine.compression import gunzip
from services.dataset.engine.lines import OpenFile, transcoded
from services.dataset.engine.splits import split_of
from services.dataset.formats import (
    COMPRESSED_EXTENSIONS,
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
SMALL_MEMBER_BYTES = 1 << 20
"""Bytes to which any gzip file inside an archive may unpack."""
SEEKABLE = (".parquet", ".arrow")
"""Formats that cannot be read from the archive directly."""
DOCUMENTATION = re.compile(
    r"(licen[cs]e|copying|readme|changelog|citation|notice|authors|contribut(ors|ing)|requirements|install|todo|version|"
    r"labels|classes|vocab|merges|checksums|md5sums?|sha\d+sums?)(?![a-z])"
)
"""Names of texts that come with data and are none."""
NOT_DATA = "not a data file"
METADATA = re.compile(
    r"(dataset_infos?|dataset_dict|state|schema|metadata|config|manifest|package|croissant|datapackage|citation)\.json"
)
"""Names of JSON files that describe data: of `datasets` (`save_to_disk`), LLaMA-Factory, MLCommons and Frictionless."""
DAMAGED_MEMBER_ERRORS = (zipfile.BadZipFile, EOFError, NotImplementedError, zlib.error, lzma.LZMAError)
"""What reading a damaged member raises: wrong checksum, truncated, unknown method; bz2 an OSError without errno."""


@dataclass(frozen=True)
class SourceFile:
    """A file of the upload: its name in reports, its extension (never .gz), how to open it, and whose rows it holds.

    `split` is the split that its name in an archive says; the name of a single file decides nothing.
    """

    name: str
    extension: str
    open: OpenFile
    in_archive: bool = False
    split: str | None = None


def list_files(
    path: Path, name: str, scratch: Path, encoding: str = "utf-8"
) -> tuple[list[SourceFile], dict[str, str]]:
    """Return the data files of an upload called `name`, and why the other members of an archive are skipped.

    Text files are in `encoding`. Texts come last, so that a text among rows of another form is the file that is
    refused. Raises EngineError `archive_refused` for an archive that breaks a rule.
    """
    extension = extension_of(name)
    if extension != ".zip":
        limit = max(SMALL_ARCHIVE_BYTES, MAX_EXPANSION * path.stat().st_size)
        return [_source_file(name, lambda: path.open("rb"), limit, encoding)], {}
    _check_directory(path)
    try:
        archive = zipfile.ZipFile(path)
    except (zipfile.BadZipFile, OSError, ValueError, struct.error) as error:
        remedy = "Create the archive again, or upload it again: it may be truncated."
        raise EngineError("archive_refused", f"{name} is not a complete zip archive: {error}", remedy=remedy) from error
    members = [member for member in archive.infolist() if not member.filename.endswith("/")]
    _check_members(members, path.stat().st_size)
    members = sorted((m for m in members if not _added_by_system(m.filename)), key=lambda m: m.filename)
    skipped = {m.filename: reason for m in members if (reason := reason_to_skip(m.filename))}
    data = [m for m in members if m.filename not in skipped]
    if not data:
        detail = f"{name} holds no {', '.join(DATA_EXTENSIONS)} file."
        if skipped:
            detail += f" Skipped: {', '.join(f'{file} ({reason})' for file, reason in list(skipped.items())[:10])}."
        _refuse(detail, limit=list(DATA_EXTENSIONS), remedy="Add the files with the rows to the archive.")
    data.sort(key=lambda m: extension_of(m.filename).startswith(".txt"))
    return [_member(archive, m, scratch, encoding) for m in data], skipped


def _source_file(name: str, open_file: OpenFile, limit: int, encoding: str, **fields: Any) -> SourceFile:
    """`limit` is how many bytes a gzip file may unpack to."""
    extension = extension_of(name)
    if extension in COMPRESSED_EXTENSIONS:
        open_file = gunzip(name, open_file, limit)
    if encoding != "utf-8" and extension not in SEEKABLE:
        open_file = transcoded(name, open_file, encoding)
    return SourceFile(name, extension.removesuffix(".gz"), open_file, **fields)


def _member(archive: zipfile.ZipFile, member: zipfile.ZipInfo, scratch: Path, encoding: str) -> SourceFile:
    limit = max(SMALL_MEMBER_BYTES, MAX_EXPANSION * member.compress_size)
    open_file = _member_opener(archive, member, scratch)
    split = split_of(member.filename)
    return _source_file(member.filename, open_file, limit, encoding, in_archive=True, split=split)


def reason_to_skip(path: str) -> str | None:
    """Why a file beside others is not data; None for data."""
    name, extension = path.rpartition("/")[2].lower(), extension_of(path)
    if extension.startswith(".txt") and DOCUMENTATION.match(name):
        return "documentation"
    if METADATA.fullmatch(name):
        return "metadata"
    if extension == ".arrow" and name.startswith("cache-"):
        return "a cache of the datasets library"
    return None if extension in (*DATA_EXTENSIONS, *COMPRESSED_EXTENSIONS) else NOT_DATA


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
    if member.header_offset < 0:
        _refuse(f"{name!r} begins before the archive.", remedy="Create the archive again, or upload it again.")
    if extension_of(name) == ".zip" and not _added_by_system(name):
        _refuse(
            f"{name!r} is an archive inside the archive.", remedy="Unpack it and add its files to the outer archive."
        )


def _added_by_system(name: str) -> bool:
    """Whether an operating system added this member on its own."""
    return any(part.startswith((".", "__MACOSX")) for part in name.split("/"))


def _member_opener(archive: zipfile.ZipFile, member: zipfile.ZipInfo, scratch: Path) -> OpenFile:
    """Return a function that opens the member in the archive; a format that needs seeking is unpacked first."""

    def open_member() -> IO[bytes]:
        try:
            source = archive.open(member)
        except UnicodeDecodeError as error:
            raise zipfile.BadZipFile("its name is not UTF-8") from error
        if extension_of(member.filename) not in SEEKABLE:
            return source
        unpacked = scratch / "member"
        unpacked.unlink(missing_ok=True)  # the file before may still be mapped into memory
        with source, unpacked.open("wb") as target:
            shutil.copyfileobj(source, target, 1 << 20)
        return unpacked.open("rb")

    return open_member


def _refuse_file_count() -> NoReturn:
    _refuse("The archive holds too many files.", limit=MAX_ARCHIVE_FILES, remedy="Put the rows into fewer files.")


def _refuse(detail: str, **fields: object) -> NoReturn:
    raise EngineError("archive_refused", detail, **fields)
