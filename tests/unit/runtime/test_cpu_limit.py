"""CPUs that a process may use: by affinity, and by the quotas of both versions of control groups."""

import os
from pathlib import Path

import pytest

from shared.runtime.processes import forkserver
from shared.runtime.processes.cpu_limit import usable_cpus
from shared.runtime.processes.forkserver import clean_environment


@pytest.fixture(autouse=True)
def eight_cpus(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: set(range(8)))


def limits_of(folder: Path, own: str, **limits: str) -> int:
    """In control groups with these files (their names with "__" for "/") and texts."""
    (folder / "own").write_text(own)
    for name, text in limits.items():
        file = folder / "groups" / name.replace("__", "/")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return usable_cpus(folder / "groups", folder / "own")


@pytest.mark.parametrize(
    ("limit", "cpus"),
    [("max 100000", 8), ("400000 100000", 4), ("250000 100000", 2), ("50000 100000", 1), ("1600000 100000", 8)],
)
def test_a_container_sees_its_own_quota_at_the_root(tmp_path: Path, limit: str, cpus: int) -> None:
    assert limits_of(tmp_path, "0::/\n", **{"cpu.max": limit}) == cpus


def test_lowest_limit_of_the_group_and_its_parents_counts(tmp_path: Path) -> None:
    limits = {"a__cpu.max": "300000 100000", "a__b__cpu.max": "max 100000", "c__cpu.max": "100000 100000"}
    assert limits_of(tmp_path, "0::/a/b\n", **limits) == 3


def test_cgroups_version_1_is_read(tmp_path: Path) -> None:
    limits = {"cpu,cpuacct__x__cpu.cfs_quota_us": "200000\n", "cpu,cpuacct__x__cpu.cfs_period_us": "100000\n"}
    unlimited = {"cpu,cpuacct__cpu.cfs_quota_us": "-1\n", "cpu,cpuacct__cpu.cfs_period_us": "100000\n"}
    assert limits_of(tmp_path, "4:cpu,cpuacct:/x\n3:cpuset:/y\n", **limits, **unlimited) == 2


def test_without_control_groups_there_is_no_quota(tmp_path: Path) -> None:
    assert usable_cpus(tmp_path / "none", tmp_path / "neither") == 8


def test_engines_use_no_more_threads_than_the_cpu_quota(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setattr(forkserver, "usable_cpus", lambda: 3)  # a machine with such a quota
    assert clean_environment()["OMP_NUM_THREADS"] == "3"
    monkeypatch.setenv("OMP_NUM_THREADS", "5")
    assert clean_environment()["OMP_NUM_THREADS"] == "5"
    monkeypatch.setenv("OMP_NUM_THREADS", "")
    assert clean_environment()["OMP_NUM_THREADS"] == "3"


def test_without_a_quota_the_libraries_choose_their_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setattr(forkserver, "usable_cpus", lambda: 8)
    assert "OMP_NUM_THREADS" not in clean_environment()


def test_idle_threads_sleep_after_a_short_spin_unless_the_operator_chooses(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT"):
        monkeypatch.delenv(name, raising=False)
    assert {"OMP_WAIT_POLICY": "PASSIVE", "GOMP_SPINCOUNT": "3000"}.items() <= clean_environment().items()
    monkeypatch.setenv("GOMP_SPINCOUNT", "0")
    assert clean_environment()["GOMP_SPINCOUNT"] == "0"
    monkeypatch.delenv("GOMP_SPINCOUNT")
    monkeypatch.setenv("OMP_WAIT_POLICY", "active")
    assert "GOMP_SPINCOUNT" not in clean_environment()
