"""The archive is a reproducible zip, and its members are byte ranges of it."""

import hashlib
import os
import zipfile
from pathlib import Path

from services.export.engine.archive import write_archive


def test_members_are_byte_ranges_and_bytes_do_not_depend_on_time(tmp_path: Path) -> None:
    folder = tmp_path / "files"
    (folder / "sub").mkdir(parents=True)
    contents = {"b.bin": os.urandom(3_000_000), "sub/ä.txt": b"hello", "empty": b""}
    for name, content in contents.items():
        (folder / name).write_bytes(content)
    members = write_archive(folder, tmp_path / "one.zip", "top")
    os.utime(folder / "b.bin", (1, 1))
    write_archive(folder, tmp_path / "two.zip", "top")
    archive = (tmp_path / "one.zip").read_bytes()
    assert archive == (tmp_path / "two.zip").read_bytes()
    assert [member["name"] for member in members] == sorted(contents)
    for member in members:
        content = contents[member["name"]]
        assert archive[member["offset"] : member["offset"] + member["size"]] == content
        assert member["sha256"] == hashlib.sha256(content).hexdigest()
    with zipfile.ZipFile(tmp_path / "one.zip") as opened:
        assert opened.testzip() is None
        assert opened.read("top/sub/ä.txt") == b"hello"
