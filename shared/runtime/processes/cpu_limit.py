"""How many CPUs this process may keep busy: those that it may run on, and no more than its control group pays for.

A container that is limited by a quota (as Kubernetes and Docker do) sees every CPU of its machine. With a thread for
each of them it spends its quota at the beginning of every period, and all of them stand still for the rest.
"""

import os
from pathlib import Path

from shared.runtime.processes.cgroups import OWN, ROOT, groups


def usable_cpus(root: Path = ROOT, own: Path = OWN) -> int:
    """At least one; a quota of 2.5 CPUs pays for two threads."""
    return max(1, int(min(len(os.sched_getaffinity(0)), *map(_quota, groups("cpu", root, own)))))


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
