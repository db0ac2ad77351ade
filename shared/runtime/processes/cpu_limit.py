"""The number of CPUs that this process may use: its CPU affinity, limited by the quota of its control group.

A container with a CPU quota (Kubernetes, Docker) sees every CPU of its machine. With a thread for each of them it uses
up its quota early in every period, and all threads are throttled for the rest.
"""

import os
from pathlib import Path

from shared.runtime.processes.cgroups import OWN, ROOT, groups


def usable_cpus(root: Path = ROOT, own: Path = OWN) -> int:
    """At least one; a quota of 2.5 CPUs allows two threads."""
    return max(1, int(min(len(os.sched_getaffinity(0)), *map(_quota, groups("cpu", root, own)))))


def _quota(group: Path) -> float:
    """CPU seconds per second, infinite without a limit."""
    try:
        if (limit := group / "cpu.max").exists():
            quota, period = limit.read_text().split()
        else:
            quota, period = ((group / f"cpu.cfs_{name}_us").read_text().strip() for name in ("quota", "period"))
    except OSError:
        return float("inf")
    return float("inf") if quota in ("max", "-1") else int(quota) / int(period)
