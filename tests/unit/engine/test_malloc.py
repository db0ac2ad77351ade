"""What the kernel is told of a process's memory."""

import re
import sys
from pathlib import Path

import pytest

from shared.engine.process.malloc import without_huge_pages


def huge_pages() -> bool:
    """Whether the kernel may give this process huge pages."""
    found = re.search(r"THP_enabled:\s+(\d)", Path("/proc/self/status").read_text())
    assert found
    return found[1] == "1"


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel is another one")
def test_huge_pages_are_off_meanwhile() -> None:
    before = huge_pages()
    with without_huge_pages():
        assert not huge_pages()
    assert huge_pages() == before
