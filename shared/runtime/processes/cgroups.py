"""The control groups that this process is in, of both versions (cgroups(7)): where its limits and counters lie."""

from collections.abc import Iterator
from pathlib import Path

ROOT = Path("/sys/fs/cgroup")
OWN = Path("/proc/self/cgroup")


def groups(controller: str, root: Path = ROOT, own: Path = OWN) -> Iterator[Path]:
    """Their folders, each before the one above it; `root` comes last, which is a container's own."""
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
