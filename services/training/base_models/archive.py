"""Unpacks an uploaded model folder: plain files only, no links, no path traversal, limits on count, size and ratio."""

import errno
import lzma
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterable
from pathlib import Path, PurePosixPath

from services.training.errors import InvalidArchive, TooLarge, UnsafeModel
from shared.blobs.artifacts import MANIFEST

MAX_FILES = 2_000
MAX_RATIO = 200
"""Unpacked bytes per packed byte. Weights hardly compress, so more is a zip bomb."""
CHUNK_BYTES = 1 << 20
MODEL_SUFFIXES = frozenset((".safetensors", ".json", ".jinja", ".txt", ".model", ".md", ".tiktoken"))
READ_ERRORS = (
    *(zipfile.BadZipFile, EOFError, NotImplementedError, RuntimeError, ValueError, OSError),
    *(struct.error, zlib.error, lzma.LZMAError),
)
"""Errors of a damaged archive (EINVAL: an offset before its beginning); an OSError of the disk is not one of them."""
PICKLE_SUFFIXES = frozenset((".bin", ".pt", ".pth", ".ckpt", ".pkl", ".pickle", ".h5", ".msgpack"))


def unpack_model(archive: Path, folder: Path, limit: int) -> list[str]:
    """Unpack the model's files from `archive` (zip) into the new `folder`, at most `limit` bytes.

    A folder around the model is dropped. Returns the names of pickle files beside safetensors: they are left out.
    Raises InvalidArchive, UnsafeModel or TooLarge; the caller then removes `folder`.
    """
    folder.mkdir(parents=True)
    try:
        with zipfile.ZipFile(archive) as zipped:
            for entry, name in _model_entries(zipped, limit):
                _copy(zipped, entry, folder / name)
            return sorted(_pickles(map(PurePosixPath, zipped.namelist())))
    except READ_ERRORS as error:
        if isinstance(error, OSError) and error.errno not in (None, errno.ENAMETOOLONG, errno.EINVAL):
            raise
        remedy = "Zip the model's folder again and send the whole file."
        raise _invalid(f"The archive cannot be read: {error}", remedy) from error


def _model_entries(zipped: zipfile.ZipFile, limit: int) -> list[tuple[zipfile.ZipInfo, str]]:
    entries = [entry for entry in zipped.infolist() if not entry.filename.endswith("/")]
    if len(entries) > MAX_FILES:
        raise _invalid(f"The archive holds {len(entries)} files.", "Zip the model's folder alone.", MAX_FILES)
    named = [(entry, _safe_path(entry)) for entry in entries]
    if not any(name.suffix.lower() == ".safetensors" for _, name in named):
        _refuse_pickles(name for _, name in named)
    chosen = [(entry, name) for entry, name in named if name.suffix.lower() in MODEL_SUFFIXES]
    size, packed = sum(entry.file_size for entry, _ in chosen), sum(entry.compress_size for entry, _ in chosen)
    if size > limit:
        raise TooLarge(
            f"The model unpacks to {size} bytes.",
            field="file",
            limit=limit,
            remedy='Put it on the server\'s disk and register it: POST /models/base {"path": …}.',
        )
    if size > MAX_RATIO * max(packed, 1):
        raise _invalid("The archive unpacks to far more than its size.", "Zip the files as they are.", MAX_RATIO)
    return _flatten(chosen)


def _safe_path(entry: zipfile.ZipInfo) -> PurePosixPath:
    path = PurePosixPath(entry.filename)
    mode = entry.external_attr >> 16
    linked = stat.S_IFMT(mode) not in (0, stat.S_IFREG)
    if path.is_absolute() or ".." in path.parts or "\\" in entry.filename or "\0" in entry.filename or linked:
        raise UnsafeModel(
            f"{entry.filename!r} is a link or leaves its folder.",
            field="file",
            remedy="Zip plain files below one folder.",
        )
    return path


def _pickles(paths: Iterable[PurePosixPath]) -> list[str]:
    return [path.name for path in paths if path.suffix.lower() in PICKLE_SUFFIXES]


def _refuse_pickles(paths: Iterable[PurePosixPath]) -> None:
    if found := _pickles(paths):
        raise UnsafeModel(
            f"{found[0]} is in a format that can run code when it is read, and there are no safetensors files.",
            field="file",
            limit="safetensors",
            remedy="Convert it with save_pretrained(safe_serialization=True).",
        )


def _flatten(entries: list[tuple[zipfile.ZipInfo, PurePosixPath]]) -> list[tuple[zipfile.ZipInfo, str]]:
    """File names without folders, since a model's files are in one folder. The platform writes its own manifest."""
    configs = [path.parent for _, path in entries if path.name == "config.json"]
    if len(configs) != 1:
        raise _invalid(
            f"The archive holds {len(configs)} files config.json.", "Zip one model's folder, with its config.json."
        )
    flat = [(entry, path.name) for entry, path in entries if path.parent == configs[0] and path.name != MANIFEST]
    if len({name for _, name in flat}) != len(flat):
        raise _invalid("The archive holds two files with the same name.", "Create the archive again.")
    return flat


def _copy(zipped: zipfile.ZipFile, entry: zipfile.ZipInfo, target: Path) -> None:
    """Copy at most the declared size, which a malicious archive may understate."""
    written = 0
    with zipped.open(entry) as source, target.open("xb") as file:
        while chunk := source.read(CHUNK_BYTES):
            written += len(chunk)
            if written > entry.file_size:
                raise _invalid(f"{entry.filename!r} is longer than the archive says.", "Zip the folder again.")
            file.write(chunk)


def _invalid(detail: str, remedy: str, limit: int | None = None) -> InvalidArchive:
    return InvalidArchive(detail, field="file", limit=limit, remedy=remedy)
