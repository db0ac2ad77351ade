"""Where the kernel counts the processes that it ended for lack of memory."""

from pathlib import Path

from shared.runtime.processes.oom_kills import count_oom_kills

EVENTS = "low 0\nhigh 12\nmax 3\noom 2\noom_kill 2\noom_group_kill 0\n"


def put(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def test_kills_of_the_own_control_group_are_counted(tmp_path: Path) -> None:
    put(tmp_path / "proc/vmstat", "nr_free_pages 5\noom_kill 7\n")
    put(tmp_path / "proc/self/cgroup", "0::/system.slice/anneal.service\n")
    put(tmp_path / "sys/fs/cgroup/system.slice/anneal.service/memory.events", EVENTS)
    assert count_oom_kills(tmp_path) == 2


def test_kills_of_the_containers_root_group_are_counted(tmp_path: Path) -> None:
    put(tmp_path / "proc/self/cgroup", "0::/\n")
    put(tmp_path / "sys/fs/cgroup/memory.events", EVENTS)
    assert count_oom_kills(tmp_path) == 2


def test_kills_of_the_machine_are_counted_without_a_group_counter(tmp_path: Path) -> None:
    put(tmp_path / "proc/self/cgroup", "0::/\n")
    put(tmp_path / "proc/vmstat", "nr_free_pages 5\noom_kill 7\n")
    assert count_oom_kills(tmp_path) == 7


def test_missing_counters_count_as_zero(tmp_path: Path) -> None:
    assert count_oom_kills(tmp_path) == 0


def test_kills_of_this_machine_are_readable() -> None:
    assert count_oom_kills() >= 0
