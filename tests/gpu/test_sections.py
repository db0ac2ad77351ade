"""Every section of benchmarks/gpu.py passes on the GPU, or is skipped with its reason."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.gpu import SECTIONS, run_section, why_no_device


@pytest.fixture(scope="session")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of all results, if there is a GPU."""
    if reason := why_no_device("cuda"):
        pytest.skip(reason)
    return tmp_path_factory.mktemp("gpu")


@pytest.mark.parametrize("section", SECTIONS)
def test_section(results: Path, section: str) -> None:
    outcome = run_section(section, "cuda", results, quick=True)
    print(outcome.figures)
    if outcome.outcome == "skipped":
        pytest.skip(outcome.reason)
    assert outcome.outcome == "passed", outcome.reason
