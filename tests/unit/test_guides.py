"""The documentation quotes what the code computes, and its links lead somewhere."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]
REPLACED = re.compile(r"[^\w\- ]")
FOLDERS = ("", "services/training", "shared")
"""Where the paths that pages name begin."""
NAMED = re.compile(r"`((?:benchmarks|cli|deploy|docs|engine|requirements|services|shared|tests|tools)/[\w./-]+\.\w+)`")


def anchors(page: Path) -> set[str]:
    """The anchors that GitHub gives to a page's headings."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(), re.M)
    return {REPLACED.sub("", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_to_existing_pages_and_headings(page: Path) -> None:
    text = re.sub(r"```.*?```", "", page.read_text(), flags=re.S)
    for target in re.findall(r"\]\((?!https?:)([^)\s]+)\)", text):
        path, _, anchor = target.partition("#")
        found = page.parent / path if path else page
        assert found.exists(), target
        assert not anchor or anchor in anchors(found), target


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_named_files_exist(page: Path) -> None:
    for name in NAMED.findall(page.read_text()):
        assert any((ROOT / folder / name).exists() for folder in FOLDERS), name


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_named_tests_exist(page: Path) -> None:
    for file, name in re.findall(r"`(tests/[\w./-]+\.py)::(\w+)`", page.read_text()):
        assert re.search(rf"def {name}\(", (ROOT / file).read_text()), f"{file}::{name}"


def test_memory_table_is_what_the_formula_computes() -> None:
    command = [sys.executable, str(ROOT / "benchmarks/memory_requirements.py")]
    printed = subprocess.run(
        command, env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=True
    )
    page = (ROOT / "docs/guides/choosing.md").read_text().replace("`", "")
    assert printed.stdout.count("\n") > 3
    assert all(row in page for row in printed.stdout.splitlines()[2:])
