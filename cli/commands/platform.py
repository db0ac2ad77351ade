"""`anneal up`, `link` and `status`: the platform itself."""

import os
import sys
from typing import Annotated, Any

import typer

from cli.client import Client, home
from cli.output import Json, out, print_json, table


def up(
    port: Annotated[int | None, typer.Option(help="Port to listen on; 0 picks a free one and prints it.")] = None,
) -> None:
    """Start the platform on this machine, in ANNEAL_HOME (default ~/.anneal). Ctrl-C stops it, jobs checkpoint."""
    command = [sys.executable, "-m", "deploy.embedded", *([] if port is None else ["--port", str(port)])]
    os.execve(sys.executable, command, {**os.environ, "ANNEAL_HOME": str(home())})  # noqa: S606 - no shell wanted


def link(json: Json = False) -> None:
    """Make a one-time link that signs a browser in."""
    client = Client()
    made = client.post("/auth/link")
    url = client.url + made["path"]
    print_json({**made, "url": url}) if json else out.print(url, soft_wrap=True)


def status(json: Json = False) -> None:
    """Show whether the platform is ready, what it holds and what it does."""
    client = Client()
    answer: dict[str, Any] = {"url": client.url, "ready": client.get("/readyz"), "overview": client.get("/overview")}
    if json:
        print_json(answer)
        return
    out.print(f"[bold]{client.url}[/]")
    checks = answer["ready"].get("checks", answer["ready"])
    table(["dependency", "state"], sorted((name, str(state)) for name, state in checks.items()))
    out.print()
    counts = {k: v for k, v in answer["overview"].items() if isinstance(v, int)}
    jobs = {f"jobs {state}": n for state, n in (answer["overview"].get("jobs") or {}).items()}
    table(["what", "count"], sorted({**counts, **jobs}.items()))
