"""The training processes of one machine partition its CPUs."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from services.training.engine.distributed.cpu_affinity import cpus_of_rank, pin_to_own_cpus, sort_by_topology


@pytest.mark.parametrize(
    ("processes", "parts"),
    [(2, [[0, 1, 2], [3, 4, 5]]), (4, [[0], [1], [2], [3]]), (6, [[0], [1], [2], [3], [4], [5]]), (7, [[]] * 7)],
)
def test_cpus_are_partitioned_evenly_without_overlap(processes: int, parts: list[list[int]]) -> None:
    assert [list(cpus_of_rank(range(6), number, processes)) for number in range(processes)] == parts


def test_threads_of_a_core_are_adjacent(tmp_path: Path) -> None:
    for cpu, (package, core) in enumerate([(0, 0), (1, 0), (0, 1), (1, 1), (0, 0), (1, 0), (0, 1), (1, 1)]):
        topology = tmp_path / f"cpu{cpu}" / "topology"
        topology.mkdir(parents=True)
        (topology / "physical_package_id").write_text(f"{package}\n")
        (topology / "core_id").write_text(f"{core}\n")
    assert sort_by_topology(set(range(8)), tmp_path) == [0, 4, 2, 6, 1, 5, 3, 7]
    assert sort_by_topology({5, 2, 1}, tmp_path) == [2, 1, 5]


def test_cpus_are_sorted_by_number_without_topology(tmp_path: Path) -> None:
    assert sort_by_topology({3, 0, 2}, tmp_path) == [0, 2, 3]


@pytest.mark.parametrize(("processes", "expected_cpus"), [("1", None), ("2", {1})])
def test_only_multi_process_runs_are_pinned(
    monkeypatch: pytest.MonkeyPatch, processes: str, expected_cpus: set[int] | None
) -> None:
    pinned: list[set[int]] = []
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {0, 1})
    monkeypatch.setattr(os, "sched_setaffinity", lambda pid, cpus: pinned.append(set(cpus)))
    monkeypatch.setenv("LOCAL_RANK", "1" if expected_cpus else "0")
    monkeypatch.setenv("LOCAL_WORLD_SIZE", processes)
    pin_to_own_cpus()
    assert pinned == ([expected_cpus] if expected_cpus else [])
