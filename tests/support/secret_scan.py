"""Looks for a secret's plain text in everything that a platform has on disk."""

import os
from base64 import b64encode
from pathlib import Path
from urllib.parse import quote


def files_with(secret: str, home: Path) -> list[str]:
    """Files below `home` that contain the secret, as it is, escaped for an address, or in base64."""
    forms = {secret.encode(), quote(secret, safe="").encode(), b64encode(secret.encode()).rstrip(b"=")[:-1]}
    found = []
    for folder, _, names in os.walk(home):  # passes over folders that are deleted meanwhile
        for path in (Path(folder, name) for name in names):
            try:
                content = path.read_bytes() if path.is_file() else b""
            except FileNotFoundError:  # deleted since
                continue
            found += [str(path.relative_to(home))] if any(form in content for form in forms) else []
    return sorted(found)
