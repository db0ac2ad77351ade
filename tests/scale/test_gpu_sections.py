"""The GPU lane without a GPU: it is skipped with its reason, and its sections run on a CPU where that is possible."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks import gpu
from benchmarks.gpu import SECTIONS, Outcome, Section, run_section, write_results

ROOT = Path(__file__).resolve().parents[2]
WITHOUT_GPU = {**os.environ, "CUDA_VISIBLE_DEVICES": "", "ANNEAL_TEST_GPU": "1"}
ON_CPU = [name for name, section in SECTIONS.items() if not section.gpu_only]


def test_lane_is_skipped_with_its_reason() -> None:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/gpu"]
    done = subprocess.run(command, cwd=ROOT, env=WITHOUT_GPU, capture_output=True, text=True, check=False)
    assert f"SKIPPED [{len(SECTIONS)}]" in done.stdout
    assert "no CUDA device is visible" in done.stdout


def test_benchmark_writes_why_it_was_skipped(tmp_path: Path) -> None:
    command = [sys.executable, "benchmarks/gpu.py", "--out", str(tmp_path), "--sections", "machine,zoo"]
    assert subprocess.run(command, cwd=ROOT, env=WITHOUT_GPU, check=False, capture_output=True).returncode == 0
    sections = json.loads((tmp_path / "results.json").read_text())["sections"]
    assert {name: each["outcome"] for name, each in sections.items()} == {"machine": "skipped", "zoo": "skipped"}
    assert "| zoo | skipped | 0 | no CUDA device is visible |" in (tmp_path / "results.md").read_text()


@pytest.mark.parametrize("name", ON_CPU)
def test_section_runs_on_a_cpu(tmp_path: Path, name: str) -> None:
    outcome = run_section(name, "cpu", tmp_path, quick=True)
    assert (outcome.outcome, outcome.reason) == ("passed", ""), (tmp_path / f"{name}.log").read_text()
    assert outcome.figures
    write_results(tmp_path, {name: outcome}, "cpu")
    assert f"## {name}" in (tmp_path / "results.md").read_text()


@pytest.mark.parametrize("name", sorted(SECTIONS.keys() - ON_CPU))
def test_section_for_gpus_says_so_on_a_cpu(tmp_path: Path, name: str) -> None:
    assert run_section(name, "cpu", tmp_path, quick=True) == Outcome("skipped", SECTIONS[name].gpu_only)


@pytest.mark.parametrize(
    ("name", "section", "reason"),
    [
        ("machine", Section(("no_such_package",)), "not installed: no_such_package"),
        ("no_such_section", Section(("torch",)), "KeyError: 'no_such_section'"),
    ],
)
def test_section_that_cannot_run_names_the_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, section: Section, reason: str
) -> None:
    monkeypatch.setitem(gpu.SECTIONS, name, section)
    outcome = run_section(name, "cpu", tmp_path, quick=True)
    assert (outcome.outcome, outcome.reason) == ("failed" if "KeyError" in reason else "skipped", reason)


def test_section_without_time_left_is_skipped(tmp_path: Path) -> None:
    assert run_section("machine", "cpu", tmp_path, quick=True, left=3).reason == "no time is left (--minutes)"
