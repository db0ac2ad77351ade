"""Memory that a process may take: by the limits of both versions of control groups."""

from pathlib import Path

import pytest

from shared.runtime.processes.memory_limit import memory_left_in_cgroups, usable_memory

GIB = 2**30
UNLIMITED = "9223372036854771712\n"


@pytest.fixture(autouse=True)
def eight_gigabytes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shared.runtime.processes.memory_limit.total_memory", lambda: 8 * GIB)


def limits_of(folder: Path, own: str, **texts: str) -> tuple[float, float | None]:
    """What is usable and what is left in GiB, in control groups with these files (their names with "__" for "/")."""
    (folder / "own").write_text(own)
    for name, text in texts.items():
        file = folder / "groups" / name.replace("__", "/")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    left = memory_left_in_cgroups(folder / "groups", folder / "own")
    return usable_memory(folder / "groups", folder / "own") / GIB, left if left is None else left / GIB


def test_a_container_sees_its_own_limit_at_the_root(tmp_path: Path) -> None:
    assert limits_of(tmp_path, "0::/\n", **{"memory.max": f"{3 * GIB}\n", "memory.current": f"{GIB}\n"}) == (3, 2)


def test_lowest_limit_of_the_group_and_its_parents_counts(tmp_path: Path) -> None:
    slice = {"a__memory.max": str(4 * GIB), "a__memory.current": str(3 * GIB)}
    service = {"a__b__memory.max": str(2 * GIB), "a__b__memory.current": "0"}
    other = {"c__memory.max": str(GIB), "c__memory.current": str(GIB)}
    assert limits_of(tmp_path, "0::/a/b\n", **slice, **service, **other) == (2, 1)


def test_a_group_without_a_limit_has_all_of_the_machine(tmp_path: Path) -> None:
    assert limits_of(tmp_path, "0::/a\n", **{"a__memory.max": "max\n", "a__memory.current": "5\n"}) == (8, None)


def test_cgroups_version_1_is_read(tmp_path: Path) -> None:
    limited = {"memory__x__memory.limit_in_bytes": str(5 * GIB), "memory__x__memory.usage_in_bytes": str(4 * GIB)}
    above = {"memory__memory.limit_in_bytes": UNLIMITED, "memory__memory.usage_in_bytes": str(7 * GIB)}
    assert limits_of(tmp_path, "4:memory:/x\n3:cpuset:/y\n0::/\n", **limited, **above) == (5, 1)
    assert limits_of(tmp_path, "4:memory:/\n", **above)[0] == 8


def test_without_control_groups_there_is_no_limit(tmp_path: Path) -> None:
    assert usable_memory(tmp_path / "none", tmp_path / "neither") == 8 * GIB
    assert memory_left_in_cgroups(tmp_path / "none", tmp_path / "neither") is None
