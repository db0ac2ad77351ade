"""Which platform, and which key: from variables, the last login, or the platform that runs on this machine."""

import json
import os
from pathlib import Path
from urllib.parse import urlsplit

from anneal import profiles
from anneal.errors import AnnealError

LOOPBACK = ("127.0.0.1", "::1", "localhost")


def home() -> Path:
    """Return the data directory: `ANNEAL_HOME`, or ~/.anneal."""
    return Path(os.environ.get("ANNEAL_HOME", "~/.anneal")).expanduser().resolve()


def address() -> str:
    """Return `ANNEAL_URL`, or the address of the platform of `ANNEAL_HOME`, of the last login, or of ~/.anneal."""
    if url := os.environ.get("ANNEAL_URL"):
        return url.rstrip("/")
    if "ANNEAL_HOME" not in os.environ and (profile := profiles.current()):
        return profile["url"]
    try:
        return _local_address()
    except (OSError, ValueError, KeyError):
        raise AnnealError(
            f"No platform is running for {home()}. Start it with `anneal up`, or name another: anneal login, --url."
        ) from None


def _local_address() -> str:
    return str(json.loads((home() / "platform.json").read_text())["url"])


def api_key(url: str) -> str:
    """Return `ANNEAL_API_KEY`, the key of the profile with this address, or on this machine the operator's key."""
    if key := os.environ.get("ANNEAL_API_KEY") or profiles.key_of(url):
        return key
    if urlsplit(url).hostname not in LOOPBACK:
        raise AnnealError(f"There is no API key for {url}. Use `anneal login {url}`, or set ANNEAL_API_KEY.")
    try:
        return (home() / "api-key").read_text().strip()
    except OSError:
        raise AnnealError(f"No API key in {home()}. Set ANNEAL_API_KEY.") from None
