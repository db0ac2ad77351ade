"""`anneal up`, `link` and `status`: start the platform, sign in, check its health."""

import os
import sys
from typing import Annotated, Any

import typer

from anneal.connection import home
from cli.client import Client
from cli.output import Json, out, print_json, table


def up(
    port: Annotated[int | None, typer.Option(help="Port to listen on (default: 7860); 0 chooses a free one.")] = None,
) -> None:
    """Start the platform on this machine.

    Data is stored in ANNEAL_HOME (default: ~/.anneal).
    Ctrl-C stops the platform. Running jobs checkpoint, and resume at the next start.
    """
    command = [sys.executable, "-m", "deploy.embedded", *([] if port is None else ["--port", str(port)])]
    os.execve(sys.executable, command, {**os.environ, "ANNEAL_HOME": str(home())})  # noqa: S606 - no shell wanted


def link(json: Json = False) -> None:
    """Create a one-time link that signs a browser in."""
    client = Client()
    created = client.post("/auth/link")
    url = client.url + created["path"]
    print_json({**created, "url": url}) if json else out.print(url, soft_wrap=True)


def status(json: Json = False) -> None:
    """Show the platform's health, and how many datasets, models and jobs it has."""
    client = Client()
    answer: dict[str, Any] = {"url": client.url, "ready": client.get("/readyz"), "overview": client.get("/overview")}
    if json:
        print_json(answer)
        return
    out.print(client.url, style="bold")
    checks = answer["ready"].get("checks", answer["ready"])
    table(["dependency", "state"], sorted((name, str(state)) for name, state in checks.items()))
    out.print()
    counts = {k: v for k, v in answer["overview"].items() if isinstance(v, int)}
    jobs = {f"jobs {state}": n for state, n in (answer["overview"].get("jobs") or {}).items()}
    table(["resource", "count"], sorted({**counts, **jobs}.items()))
