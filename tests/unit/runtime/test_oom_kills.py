"""Where the kernel counts the processes that it ended for lack of memory."""

from pathlib import Path

from shared.runtime.processes.oom_kills import count_oom_kills

EVENTS = "low 0\nhigh 12\nmax 3\noom 2\noom_kill 2\noom_group_kill 0\n"


def put(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def test_the_own_control_group_counts(tmp_path: Path) -> None:
    put(tmp_path / "proc/vmstat", "nr_free_pages 5\noom_kill 7\n")
    put(tmp_path / "proc/self/cgroup", "0::/system.slice/anneal.service\n")
    put(tmp_path / "sys/fs/cgroup/system.slice/anneal.service/memory.events", EVENTS)
    assert count_oom_kills(tmp_path) == 2


def test_in_a_container_the_root_of_its_view_counts(tmp_path: Path) -> None:
    put(tmp_path / "proc/self/cgroup", "0::/\n")
    put(tmp_path / "sys/fs/cgroup/memory.events", EVENTS)
    assert count_oom_kills(tmp_path) == 2


def test_without_a_limit_the_machine_counts(tmp_path: Path) -> None:
    put(tmp_path / "proc/self/cgroup", "0::/\n")
    put(tmp_path / "proc/vmstat", "nr_free_pages 5\noom_kill 7\n")
    assert count_oom_kills(tmp_path) == 7


def test_where_nobody_counts_there_were_none(tmp_path: Path) -> None:
    assert count_oom_kills(tmp_path) == 0


def test_this_machine_says_something() -> None:
    assert count_oom_kills() >= 0
