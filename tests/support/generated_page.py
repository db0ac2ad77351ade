"""Pages of docs/reference that tests generate: written, or compared with `--check`."""

import sys
from pathlib import Path


def write_or_check(page: Path, text: str) -> None:
    """Write the page; with --check on the command line, exit with a message where it is out of date."""
    if "--check" not in sys.argv:
        page.write_text(text)
    elif not page.exists() or page.read_text() != text:
        sys.exit(f"{page} is out of date: run `make reference`")
