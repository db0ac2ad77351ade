"""`anneal push`: upload an export to a Hugging Face repository or an object store."""

from typing import Annotated, Any

import typer

from cli.client import Client
from cli.commands.datasets import variable
from cli.errors import CommandError
from cli.output import Json, out, print_json
from cli.resources import named
from cli.waiting import finished


def push(
    export_id: Annotated[str, named("export", "A built export.")],
    hub: Annotated[str | None, typer.Option(help="Model repository, owner/name; created private if it is new.")] = None,
    to: Annotated[
        str | None,
        typer.Option(help="env:NAME: a variable with s3+https://key:secret@host/bucket/folder. Needs an admin's key."),
    ] = None,
    token_env: Annotated[str, typer.Option(help="Environment variable with a hub token that may write.")] = "HF_TOKEN",  # noqa: S107 - a name
    revision: Annotated[str | None, typer.Option(help="Branch of the repository. Default: main.")] = None,
    public: Annotated[bool, typer.Option("--public", help="Publish: create or use a public repository.")] = False,
    accept_drift: Annotated[
        bool, typer.Option("--accept-drift", help="Push an export that differs from the tuned model.")
    ] = False,
    json: Json = False,
) -> None:
    """Push an export to a repository of the Hugging Face hub, or to an object store.

    Repeating an interrupted push uploads only what is missing.
    """
    if (hub is None) == (to is None):
        raise CommandError("Give either --hub owner/name or --to env:NAME.")
    if to is not None and not to.startswith("env:"):
        raise CommandError("Other users of this machine could see the key in the command: give --to env:NAME.")
    body: dict[str, Any] = {"uri": variable(to.removeprefix("env:"))} if to else {"hub_id": hub, "public": public}
    if hub:
        body |= {"token": variable(token_env), **({"revision": revision} if revision else {})}
    body["accept_drift"] = accept_drift
    client = Client()
    started = client.post(f"/exports/{export_id}/push", body)
    done = finished(client, f"/exports/pushes/{started['id']}", started, "pushing")
    print_json(done) if json else out.print(f"pushed to {done['url']}", highlight=False, soft_wrap=True)
