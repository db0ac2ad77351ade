"""Unpacks an uploaded model folder: plain files only, no links, no escapes, capped in count, size and ratio."""

import errno
import lzma
import stat
import zipfile
import zlib
from collections.abc import Iterable
from pathlib import Path, PurePosixPath

from services.training.errors import InvalidArchive, TooLarge, UnsafeModel
from shared.blobs.artifacts import MANIFEST

MOST_FILES = 2_000
MOST_RATIO = 200
"""Unpacked bytes per packed byte; weights hardly shrink, so more is a bomb."""
CHUNK = 1 << 20
WANTED = frozenset((".safetensors", ".json", ".jinja", ".txt", ".model", ".md", ".tiktoken"))
DAMAGED = (zipfile.BadZipFile, EOFError, NotImplementedError, RuntimeError, zlib.error, lzma.LZMAError, OSError)
"""What reading a damaged archive raises; of OSError only what the disk has no part in."""
PICKLES = frozenset((".bin", ".pt", ".pth", ".ckpt", ".pkl", ".pickle", ".h5", ".msgpack"))


def unpack_model(archive: Path, folder: Path, limit: int) -> None:
    """The model's files out of `archive` (zip) into the new `folder`, at most `limit` bytes.

    A single folder around everything is taken off. Raises InvalidArchive, UnsafeModel or TooLarge; then `folder` is
    the caller's to remove.
    """
    folder.mkdir(parents=True)
    try:
        with zipfile.ZipFile(archive) as zipped:
            for entry, name in _chosen(zipped, limit):
                _copy(zipped, entry, folder / name)
    except DAMAGED as error:
        if isinstance(error, OSError) and error.errno not in (None, errno.ENAMETOOLONG):
            raise
        remedy = "Zip the model's folder again and send the whole file."
        raise _refused(f"The archive cannot be read: {error}", remedy) from error


def _chosen(zipped: zipfile.ZipFile, limit: int) -> list[tuple[zipfile.ZipInfo, str]]:
    entries = [entry for entry in zipped.infolist() if not entry.is_dir()]
    if len(entries) > MOST_FILES:
        raise _refused(f"The archive holds {len(entries)} files.", "Zip the model's folder alone.", MOST_FILES)
    named = [(entry, _safe(entry)) for entry in entries]
    _refuse_code(name for _, name in named)
    kept = [(entry, name) for entry, name in named if name.suffix.lower() in WANTED]
    size, packed = sum(entry.file_size for entry, _ in kept), sum(entry.compress_size for entry, _ in kept)
    if size > limit:
        raise TooLarge(
            f"The model unpacks to {size} bytes.",
            field="file",
            limit=limit,
            remedy='Put it on the server\'s disk and register it: POST /models/base {"path": …}.',
        )
    if size > MOST_RATIO * max(packed, 1):
        raise _refused("The archive unpacks to far more than it is.", "Zip the files as they are.", MOST_RATIO)
    return _without_top(kept)


def _safe(entry: zipfile.ZipInfo) -> PurePosixPath:
    path = PurePosixPath(entry.filename)
    mode = entry.external_attr >> 16
    linked = stat.S_IFMT(mode) not in (0, stat.S_IFREG)
    if path.is_absolute() or ".." in path.parts or "\\" in entry.filename or "\0" in entry.filename or linked:
        raise UnsafeModel(
            f"{entry.filename!r} is a link or points out of its folder.",
            field="file",
            remedy="Zip plain files below one folder.",
        )
    return path


def _refuse_code(paths: Iterable[PurePosixPath]) -> None:
    for path in paths:
        if path.suffix.lower() in PICKLES:
            raise UnsafeModel(
                f"{path} is in a format that can run code when it is read.",
                field="file",
                limit="safetensors",
                remedy="Convert it with save_pretrained(safe_serialization=True) and leave the old files out.",
            )


def _without_top(kept: list[tuple[zipfile.ZipInfo, PurePosixPath]]) -> list[tuple[zipfile.ZipInfo, str]]:
    """Flat names: a model's files lie side by side. The publisher writes the manifest itself."""
    configs = [path.parent for _, path in kept if path.name == "config.json"]
    if len(configs) != 1:
        raise _refused(
            f"The archive holds {len(configs)} files config.json.", "Zip one model's folder, with its config.json."
        )
    flat = [(entry, path.name) for entry, path in kept if path.parent == configs[0] and path.name != MANIFEST]
    if len({name for _, name in flat}) != len(flat):
        raise _refused("The archive holds two files of one name.", "Make the archive again.")
    return flat


def _copy(zipped: zipfile.ZipFile, entry: zipfile.ZipInfo, target: Path) -> None:
    """The size in the directory is only a claim: never write more than it says."""
    written = 0
    with zipped.open(entry) as source, target.open("xb") as file:
        while chunk := source.read(CHUNK):
            written += len(chunk)
            if written > entry.file_size:
                raise _refused(f"{entry.filename!r} is longer than the archive says.", "Zip the folder again.")
            file.write(chunk)


def _refused(detail: str, remedy: str, limit: int | None = None) -> InvalidArchive:
    return InvalidArchive(detail, field="file", limit=limit, remedy=remedy)
