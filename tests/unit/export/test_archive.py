"""The archive is a plain zip, the same for the same files, and its members are ranges of it."""

import hashlib
import os
import zipfile
from pathlib import Path

from services.export.engine.packing import pack


def test_members_are_ranges_and_bytes_do_not_depend_on_time(tmp_path: Path) -> None:
    folder = tmp_path / "files"
    (folder / "sub").mkdir(parents=True)
    contents = {"b.bin": os.urandom(3_000_000), "sub/ä.txt": b"hello", "empty": b""}
    for name, content in contents.items():
        (folder / name).write_bytes(content)
    members = pack(folder, tmp_path / "one.zip", "top")
    os.utime(folder / "b.bin", (1, 1))
    pack(folder, tmp_path / "two.zip", "top")
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
