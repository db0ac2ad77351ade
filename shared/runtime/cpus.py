"""How many CPUs this process may keep busy: those that it may run on, and no more than its control group pays for.

A container that is limited by a quota (as Kubernetes and Docker do) sees every CPU of its machine. With a thread for
each of them it spends its quota at the beginning of every period, and all of them stand still for the rest.
"""

import os
from collections.abc import Iterator
from pathlib import Path

_ROOT = Path("/sys/fs/cgroup")
_OWN = Path("/proc/self/cgroup")


def usable(root: Path = _ROOT, own: Path = _OWN) -> int:
    """At least one; a quota of 2.5 CPUs pays for two threads."""
    return max(1, int(min(len(os.sched_getaffinity(0)), *map(_quota, _groups(root, own)))))


def _groups(root: Path, own: Path) -> Iterator[Path]:
    """The folders of the control groups that this process is in, of both versions (cgroups(7)), and of those above."""
    yield root
    try:
        lines = own.read_text().splitlines()
    except OSError:  # not on Linux
        return
    for controllers, path in (line.split(":", 2)[1:] for line in lines):
        if not controllers or "cpu" in controllers.split(","):
            base = root / controllers
            group = base / path.lstrip("/")
            yield from (group, *(above for above in group.parents if above.is_relative_to(base)))


def _quota(group: Path) -> float:
    """Seconds of CPU per second, infinite without a limit."""
    try:
        if (limit := group / "cpu.max").exists():
            quota, period = limit.read_text().split()
        else:
            quota, period = ((group / f"cpu.cfs_{name}_us").read_text().strip() for name in ("quota", "period"))
    except OSError:
        return float("inf")
    return float("inf") if quota in ("max", "-1") else int(quota) / int(period)
