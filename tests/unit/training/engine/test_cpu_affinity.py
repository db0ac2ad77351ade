"""Processes that train together on one machine share its CPUs out among themselves."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from services.training.engine.distributed.cpu_affinity import keep_to_own_cpus, neighbours, part


@pytest.mark.parametrize(
    ("processes", "parts"),
    [(2, [[0, 1, 2], [3, 4, 5]]), (4, [[0], [1], [2], [3]]), (6, [[0], [1], [2], [3], [4], [5]]), (7, [[]] * 7)],
)
def test_each_has_as_many_and_none_shares(processes: int, parts: list[list[int]]) -> None:
    assert [list(part(range(6), number, processes)) for number in range(processes)] == parts


def test_the_threads_of_a_core_stay_together(tmp_path: Path) -> None:
    for cpu, (package, core) in enumerate([(0, 0), (1, 0), (0, 1), (1, 1), (0, 0), (1, 0), (0, 1), (1, 1)]):
        place = tmp_path / f"cpu{cpu}" / "topology"
        place.mkdir(parents=True)
        (place / "physical_package_id").write_text(f"{package}\n")
        (place / "core_id").write_text(f"{core}\n")
    assert neighbours(set(range(8)), tmp_path) == [0, 4, 2, 6, 1, 5, 3, 7]
    assert neighbours({5, 2, 1}, tmp_path) == [2, 1, 5]


def test_where_the_system_tells_nothing_numbers_decide(tmp_path: Path) -> None:
    assert neighbours({3, 0, 2}, tmp_path) == [0, 2, 3]


@pytest.mark.parametrize(("processes", "kept"), [("1", None), ("2", {1})])
def test_a_process_alone_goes_where_it_likes(
    monkeypatch: pytest.MonkeyPatch, processes: str, kept: set[int] | None
) -> None:
    pinned: list[set[int]] = []
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {0, 1})
    monkeypatch.setattr(os, "sched_setaffinity", lambda pid, cpus: pinned.append(set(cpus)))
    monkeypatch.setenv("LOCAL_RANK", "1" if kept else "0")
    monkeypatch.setenv("LOCAL_WORLD_SIZE", processes)
    keep_to_own_cpus()
    assert pinned == ([kept] if kept else [])
