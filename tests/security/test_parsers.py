"""Parsers of foreign bytes, fuzzed briefly: a documented error or a result, without a hang, within 2 GiB."""

import os
import struct
import subprocess
import sys

import pytest

from tests.security.fuzz import TARGETS, archive, model_archive, zipped

SECONDS = os.environ.get("ANNEAL_TEST_FUZZ_SECONDS", "10")


@pytest.mark.parametrize("target", TARGETS)
def test_damaged_bytes_are_refused_by_name(target: str) -> None:
    command = [sys.executable, "-m", "tests.security.fuzz", target, "--seconds", SECONDS]
    done = subprocess.run(command, capture_output=True, text=True, errors="replace")
    print(done.stderr[-300:])
    assert done.returncode == 0, done.stderr[-4_000:]


CENTRAL, END = b"PK\x01\x02", b"PK\x05\x06"


def patched(data: bytes, signature: bytes, offset: int, form: str, *values: int) -> bytes:
    """The archive with other values in its record of this signature (APPNOTE 4.3)."""
    changed = bytearray(data)
    struct.pack_into(form, changed, data.index(signature) + offset, *values)
    return bytes(changed)


@pytest.mark.parametrize("name", ["a.jsonl", "model.safetensors"])
def test_archives_that_the_fuzzer_found_are_refused(name: str) -> None:
    """The targets raise what is neither a refusal nor a result."""
    whole = zipped({name: b"{}"})
    size = len(name)
    no_name = patched(whole, CENTRAL, 28, "<HH", 0, size)  # the name becomes the extra field
    not_utf_8 = patched(patched(whole, CENTRAL, 8, "<H", 0x800), CENTRAL, 46, "<B", 0xEB)
    before_the_archive = patched(whole, END, 16, "<I", whole.index(CENTRAL) + 1)
    for data in (no_name, not_utf_8, before_the_archive):
        archive(data)
        model_archive(data)
