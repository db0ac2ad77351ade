"""Memory settings reach the kernel."""

import re
import sys
from pathlib import Path

import pytest

from shared.engine.process.malloc import without_huge_pages


def huge_pages_enabled() -> bool:
    """Whether the kernel may give this process huge pages."""
    found = re.search(r"THP_enabled:\s+(\d)", Path("/proc/self/status").read_text())
    assert found
    return found[1] == "1"


@pytest.mark.skipif(sys.platform != "linux", reason="needs Linux")
def test_huge_pages_are_disabled_within_the_block() -> None:
    before = huge_pages_enabled()
    with without_huge_pages():
        assert not huge_pages_enabled()
    assert huge_pages_enabled() == before
