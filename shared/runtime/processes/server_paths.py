"""Takes the server's folders out of texts that tenants read: an engine's errors and logs name its files by path."""

import os
import re
from pathlib import Path
from typing import Any

SHOWN = frozenset(("failed", "refused", "log", "warning"))
"""Kinds of messages with a text that jobs, errors and logs show."""
_TOP = "|".join(re.escape(entry.name) for entry in os.scandir("/") if entry.is_dir())
_FOLDERS = re.compile(rf"(?<![\w.:/-])/(?:{_TOP})/(?:[^\s/'\"`:;,()<>]+/)*")
"""An absolute path up to its last part, if its first is a folder of this machine; a route of the API is none."""


def without_folders(text: str) -> str:
    """Return the text with the last part of each path of the server, such as `config.json`."""
    return _FOLDERS.sub("", text.replace(f"{Path.home()}/", "/tmp/"))  # noqa: S108  (a home may contain spaces)


def for_tenants(message: dict[str, Any]) -> dict[str, Any]:
    """Return an engine's message as tenants may see it."""
    if message["kind"] not in SHOWN:
        return message
    return {name: without_folders(value) if isinstance(value, str) else value for name, value in message.items()}
