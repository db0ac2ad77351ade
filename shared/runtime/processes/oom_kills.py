"""Counts the kernel's out-of-memory kills, which a killed engine cannot report itself. psutil has no such counter."""

from pathlib import Path

from shared.runtime.processes.cgroups import groups

ROOT = Path("/")


def count_oom_kills(root: Path = ROOT) -> int:
    """Count out-of-memory kills since start in our control group, or else on the whole machine.

    Read from `memory.events` of control groups version 2, else from /proc/vmstat; 0 where neither exists.
    """
    own = groups("memory", root / "sys/fs/cgroup", root / "proc/self/cgroup")
    for path in (*(group / "memory.events" for group in own), root / "proc/vmstat"):
        try:
            text = path.read_text()
        except OSError:
            continue
        counters = dict(line.split(maxsplit=1) for line in text.splitlines())
        if "oom_kill" in counters:
            return int(counters["oom_kill"])
    return 0
