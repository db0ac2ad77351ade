"""Unpacking an uploaded model: only plain files of safe kinds, within limits."""

import stat
import zipfile
from pathlib import Path

import pytest

from services.training.base_models.archive import MAX_FILES, unpack_model
from services.training.errors import InvalidArchive, TooLarge, UnsafeModel
from shared.runtime.errors import AnnealError

MODEL = {"config.json": b"{}", "model.safetensors": bytes(range(256)) * 4}


def archive(path: Path, files: dict[str, bytes], *, compression: int = zipfile.ZIP_STORED) -> Path:
    with zipfile.ZipFile(path / "a.zip", "w", compression) as zipped:
        for name, data in files.items():
            zipped.writestr(name, data)
    return path / "a.zip"


@pytest.mark.parametrize("top", ["", "model/", "a/b/"])
def test_model_is_unpacked_without_folders(tmp_path: Path, top: str) -> None:
    files = {f"{top}{name}": data for name, data in MODEL.items()}
    unpack_model(archive(tmp_path, {**files, "notes.docx": b"x"}), tmp_path / "out", 10_000)
    assert {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()} == MODEL


@pytest.mark.parametrize("name", ["../config.json", "/etc/x.json", "a/../../x.json", "..\\x.json"])
def test_escapes_are_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(UnsafeModel):
        unpack_model(archive(tmp_path, {**MODEL, name: b"x"}), tmp_path / "out", 10_000)
    assert not (tmp_path / "x.json").exists()


@pytest.mark.parametrize("name", ["x.pkl", "y/z.bin"])
def test_pickles_are_left_out_and_refused_without_safetensors(tmp_path: Path, name: str) -> None:
    assert unpack_model(archive(tmp_path, {**MODEL, name: b"x"}), tmp_path / "out", 10_000) == [Path(name).name]
    assert {path.name for path in (tmp_path / "out").iterdir()} == MODEL.keys()
    without = {file: data for file, data in MODEL.items() if not file.endswith(".safetensors")}
    with pytest.raises(UnsafeModel, match="no safetensors"):
        unpack_model(archive(tmp_path, {**without, name: b"x"}), tmp_path / "refused", 10_000)


def test_links_are_refused(tmp_path: Path) -> None:
    path = archive(tmp_path, MODEL)
    link = zipfile.ZipInfo("tokenizer.json")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(path, "a") as zipped:
        zipped.writestr(link, "/etc/passwd")
    with pytest.raises(UnsafeModel):
        unpack_model(path, tmp_path / "out", 10_000)


def test_model_over_the_limit_is_refused_with_an_alternative(tmp_path: Path) -> None:
    with pytest.raises(TooLarge) as refused:
        unpack_model(archive(tmp_path, MODEL), tmp_path / "out", 100)
    assert refused.value.limit == 100
    assert "path" in (refused.value.remedy or "")


@pytest.mark.parametrize(
    "files",
    [
        {"model.safetensors": b"x"},
        {"a/config.json": b"{}", "b/config.json": b"{}"},
        {"config.json": bytes(10_000_000)},
        {f"{i}.json": b"" for i in range(MAX_FILES + 1)},
        {**MODEL, "x" * 300 + ".json": b"{}"},
    ],
    ids=["no config", "two models", "bomb", "too many", "long name"],
)
def test_archive_without_exactly_one_model_is_refused(tmp_path: Path, files: dict[str, bytes]) -> None:
    with pytest.raises(InvalidArchive):
        unpack_model(archive(tmp_path, files, compression=zipfile.ZIP_DEFLATED), tmp_path / "out", 20_000_000)


def test_truncated_archive_is_refused_at_any_length(tmp_path: Path) -> None:
    data = archive(tmp_path, MODEL).read_bytes()
    for length in range(0, len(data), 50):
        (tmp_path / "cut.zip").write_bytes(data[:length])
        with pytest.raises(AnnealError):
            unpack_model(tmp_path / "cut.zip", tmp_path / f"out{length}", 10_000)


def test_foreign_manifest_is_not_unpacked(tmp_path: Path) -> None:
    unpack_model(archive(tmp_path, {**MODEL, "manifest.json": b"{}"}), tmp_path / "out", 10_000)
    assert {path.name for path in (tmp_path / "out").iterdir()} == set(MODEL)


def test_two_files_with_one_name_are_refused(tmp_path: Path) -> None:
    path = archive(tmp_path, MODEL)
    with zipfile.ZipFile(path, "a") as zipped, pytest.warns(UserWarning, match="Duplicate"):
        zipped.writestr("model.safetensors", b"another")
    with pytest.raises(InvalidArchive):
        unpack_model(path, tmp_path / "out", 10_000)


def test_damaged_compression_is_refused(tmp_path: Path) -> None:
    path = archive(tmp_path, MODEL, compression=zipfile.ZIP_DEFLATED)
    data = bytearray(path.read_bytes())
    start = data.index(b"config.json") + len(b"config.json")
    data[start] = 0xFF
    path.write_bytes(data)
    with pytest.raises(InvalidArchive):
        unpack_model(path, tmp_path / "out", 10_000)


def test_damaged_bytes_are_refused(tmp_path: Path) -> None:
    path = archive(tmp_path, MODEL)
    data = bytearray(path.read_bytes())
    data[data.index(bytes(range(256))) + 5] ^= 1
    path.write_bytes(data)
    with pytest.raises(InvalidArchive):
        unpack_model(path, tmp_path / "out", 10_000)
