"""`anneal login` and `logout`: use a platform on another machine without setting variables."""

import os
from typing import Annotated

import typer

from anneal import profiles
from cli.client import Client
from cli.errors import CommandError
from cli.output import out

Name = Annotated[str, typer.Option("--name", help="Name of the profile, for --profile.")]


def login(
    url: Annotated[str, typer.Argument(help="Address of the platform, such as https://anneal.example.org.")],
    name: Name = "default",
    key_env: Annotated[
        str | None, typer.Option(help="Environment variable with the API key; default: ask for it.")
    ] = None,
) -> None:
    """Keep the address and API key of a platform, and use it from now on.

    Other profiles stay. A command chooses one with --profile. ANNEAL_URL and ANNEAL_HOME have precedence.
    """
    given = os.environ.get(key_env) if key_env else typer.prompt("API key", hide_input=True, err=True)
    if not given:
        raise CommandError(f"The environment variable {key_env} is not set.")
    client = Client(url.rstrip("/"), given)
    caller = client.get("/auth/session")  # a wrong key or address is refused before anything is kept
    stored = profiles.read()
    stored["profiles"][name], stored["current"] = {"url": client.url, "key": given}, name
    profiles.write(stored)
    out.print(f"{name}: {client.url}, project {caller['project']}, as {caller['subject']}", highlight=False)


def logout(name: Name = "default") -> None:
    """Forget a profile and its API key. The key itself stays valid: `anneal keys delete` ends it."""
    profiles.named(name)
    stored = profiles.read()
    del stored["profiles"][name]
    stored["current"] = None if stored["current"] == name else stored["current"]
    profiles.write(stored)
    out.print(f"forgot {name}")
