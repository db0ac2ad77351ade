"""Archives: which members are read, ignored and refused."""

import io
import stat
import zipfile
from pathlib import Path

import pytest

from services.dataset.engine.archive import list_files
from services.dataset.formats import MAX_ARCHIVE_FILES
from shared.engine.process.protocol import EngineError


def archive(folder: Path, members: dict[str, bytes], **changes: int) -> Path:
    """A zip of these files; `changes` are set on each member."""
    path = folder / "up.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in members.items():
            member = zipfile.ZipInfo(name)
            member.compress_type = zipfile.ZIP_DEFLATED
            for attribute, value in changes.items():
                setattr(member, attribute, value)
            file.writestr(member, content)
    return path


def refused(path: Path) -> EngineError:
    with pytest.raises(EngineError) as failure:
        list_files(path, "up.zip", path.parent)
    assert failure.value.code == "archive_refused"
    return failure.value


def test_data_files_are_listed_by_name_and_other_members_ignored(tmp_path: Path) -> None:
    members = {"b/rows.JSONL": b"{}", "a.txt": b"text", "README.md": b"read", "__MACOSX/x.txt": b"", ".DS_Store": b""}
    files, ignored = list_files(archive(tmp_path, members), "up.zip", tmp_path)
    assert [(file.name, file.extension) for file in files] == [("b/rows.JSONL", ".jsonl"), ("a.txt", ".txt")]
    assert ignored == {"README.md": "not a data file"}
    assert files[1].open().read() == b"text"
    assert [path.name for path in tmp_path.iterdir()] == ["up.zip"]


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("../out.txt", "points outside the archive"),
        ("/etc/rows.txt", "points outside the archive"),
        ("a/../../rows.txt", "points outside the archive"),
        ("C:/rows.txt", "points outside the archive"),
        ("inner.zip", "an archive inside the archive"),
        ("notes.pdf", "holds no .txt"),
    ],
)
def test_unsafe_names_are_refused(tmp_path: Path, name: str, reason: str) -> None:
    assert reason in refused(archive(tmp_path, {name: b"x"})).detail


def test_links_and_encrypted_members_are_refused(tmp_path: Path) -> None:
    link = archive(tmp_path, {"rows.txt": b"/etc/passwd"}, external_attr=(stat.S_IFLNK | 0o777) << 16)
    assert "is a symbolic link" in refused(link).detail
    path = archive(tmp_path, {"rows.txt": b"x"})
    content = bytearray(path.read_bytes())
    for header, flags in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        content[content.index(header) + flags] |= 1
    path.write_bytes(content)
    assert "is encrypted" in refused(path).detail


def test_zip_bombs_are_refused_before_anything_is_unpacked(tmp_path: Path) -> None:
    bomb = refused(archive(tmp_path, {"rows.txt": bytes(80 << 20)}))
    assert "would unpack to 83886080 bytes" in bomb.detail
    assert bomb.fields["limit"] == 64 << 20
    many = refused(archive(tmp_path, {f"{n}.txt": b"" for n in range(MAX_ARCHIVE_FILES + 1)}))
    assert many.fields["limit"] == MAX_ARCHIVE_FILES


def test_member_is_not_read_beyond_its_declared_size(tmp_path: Path) -> None:
    path = archive(tmp_path, {"rows.txt": b"x" * 5_000})
    content = path.read_bytes().replace((5_000).to_bytes(4, "little"), (10).to_bytes(4, "little"))
    path.write_bytes(content)
    files, _ = list_files(path, "up.zip", tmp_path)
    with pytest.raises(zipfile.BadZipFile):
        files[0].open().read()


def test_truncated_and_invalid_archives_are_refused(tmp_path: Path) -> None:
    whole = archive(tmp_path, {"rows.txt": b"text" * 100}).read_bytes()
    for content in (whole[:-30], whole[: len(whole) // 2], b"no zip at all", b"PK\x05\x06"):
        path = tmp_path / "truncated.zip"
        path.write_bytes(content)
        error = refused(path)
        assert "not a complete zip archive" in error.detail
        assert error.fields["remedy"]


def test_upload_that_is_no_archive_is_one_file(tmp_path: Path) -> None:
    path = tmp_path / "data"
    path.write_bytes(b"text")
    (file,), ignored = list_files(path, "notes.txt", tmp_path)
    assert (file.name, file.extension, ignored) == ("notes.txt", ".txt", {})
    assert isinstance(file.open(), io.BufferedReader)
