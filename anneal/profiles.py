"""Profiles of `anneal login`: platforms on other machines, kept in a file that only their user can read."""

import json
import os
from pathlib import Path
from typing import Any

import typer

from anneal.errors import AnnealError

FILE = Path(typer.get_app_dir("anneal")) / "profiles.json"


def read() -> dict[str, Any]:
    """`{"current": name or null, "profiles": {name: {"url", "key"}}}`."""
    try:
        found: dict[str, Any] = json.loads(FILE.read_text("utf-8"))
    except FileNotFoundError:
        return {"current": None, "profiles": {}}
    except ValueError:
        raise AnnealError(f"{FILE} is not readable. Delete it, and log in again.") from None
    return found


def write(stored: dict[str, Any]) -> None:
    """Replace the file at once; its mode is 0600 from the beginning."""
    FILE.parent.mkdir(parents=True, exist_ok=True)
    new = FILE.with_suffix(".new")
    with open(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
        json.dump(stored, file, indent=2)
    new.replace(FILE)


def current() -> dict[str, str] | None:
    """The profile of the last login."""
    stored = read()
    profile: dict[str, str] | None = stored["profiles"].get(stored["current"])
    return profile


def named(name: str) -> dict[str, str]:
    """The profile with this name. Raises AnnealError."""
    known: dict[str, dict[str, str]] = read()["profiles"]
    if name not in known:
        raise AnnealError(f"There is no profile {name!r}. Profiles: {', '.join(sorted(known)) or 'none'}.")
    return known[name]


def key_of(url: str) -> str | None:
    """The key that is kept for a platform."""
    return next((each["key"] for each in read()["profiles"].values() if each["url"] == url), None)
