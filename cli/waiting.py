"""Waits for work of the platform, with a progress bar."""

import time
from typing import Any

from cli.client import Client
from cli.errors import CommandError
from cli.output import progress_bar

POLL_INTERVAL_S = 0.5


def finished(client: Client, path: str, work: dict[str, Any], description: str) -> dict[str, Any]:
    """Show the progress of work until it ends, and return it. Raises CommandError unless it succeeded."""
    with progress_bar() as bar:
        task = bar.add_task(description, total=None)
        while work["state"] not in ("succeeded", "failed", "cancelled"):
            time.sleep(POLL_INTERVAL_S)
            work = client.get(path)
            progress = work.get("progress") or {"done": work.get("bytes_done"), "total": work.get("bytes_total")}
            if progress.get("total"):
                bar.update(task, completed=progress.get("done", 0), total=progress["total"])
        bar.update(task, total=1, completed=1)
    if work["state"] != "succeeded":
        raise CommandError(
            f"{description.split()[0].capitalize()} {work['state']}: {work.get('detail')} ({work.get('cause')})", work
        )
    return work
