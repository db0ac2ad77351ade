"""The control groups of this process, in both versions (cgroups(7))."""

from collections.abc import Iterator
from pathlib import Path

ROOT = Path("/sys/fs/cgroup")
OWN = Path("/proc/self/cgroup")


def groups(controller: str, root: Path = ROOT, own: Path = OWN) -> Iterator[Path]:
    """Yield their folders, each before its parent; `root`, a container's own group, comes last."""
    try:
        lines = own.read_text().splitlines()
    except OSError:  # not on Linux
        lines = []
    for controllers, path in (line.split(":", 2)[1:] for line in lines):
        if not controllers or controller in controllers.split(","):
            base = root / controllers
            group = base / path.lstrip("/")
            yield from (group, *(above for above in group.parents if above.is_relative_to(base)))
    yield root
