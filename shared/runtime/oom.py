"""Whether the kernel has ended processes to free memory: what an engine that was killed cannot tell any more."""

from pathlib import Path

ROOT = Path("/")


def oom_kills(root: Path = ROOT) -> int:
    """Processes that the kernel ended for lack of memory since start: of our control group, or of the whole machine.

    Counted by `memory.events` of control groups version 2, else by /proc/vmstat; 0 where there is neither.
    """
    for path in (_own_group(root) / "memory.events", root / "proc/vmstat"):
        try:
            text = path.read_text()
        except OSError:
            continue
        counters = dict(line.split(maxsplit=1) for line in text.splitlines())
        if "oom_kill" in counters:
            return int(counters["oom_kill"])
    return 0


def _own_group(root: Path) -> Path:
    """The folder of this process's control group; in a container that is the root of what it sees."""
    try:
        lines = (root / "proc/self/cgroup").read_text().splitlines()
    except OSError:
        lines = []
    own = next((line.removeprefix("0::/") for line in lines if line.startswith("0::/")), "")
    return root / "sys/fs/cgroup" / own
