"""Whether the kernel has ended processes to free memory: what an engine that was killed cannot tell any more."""

from pathlib import Path

from shared.runtime.processes.cgroups import groups

ROOT = Path("/")


def count_oom_kills(root: Path = ROOT) -> int:
    """Processes that the kernel ended for lack of memory since start: of our control group, or of the whole machine.

    Counted by `memory.events` of control groups version 2, else by /proc/vmstat; 0 where there is neither.
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
