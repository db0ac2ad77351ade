"""The syntax of keys, validated by every adapter before any access."""

import re

from shared.blobs.errors import InvalidKey

KEY = re.compile(r"[A-Za-z0-9._-]{1,255}(/[A-Za-z0-9._-]{1,255})*")
MAX_LENGTH = 1024
"""S3's limit, so that every adapter accepts the same keys."""


def validate_key(key: str) -> str:
    """Return the key. Raises InvalidKey."""
    if len(key) > MAX_LENGTH or not KEY.fullmatch(key) or not {".", ".."}.isdisjoint(key.split("/")):
        raise InvalidKey(f"{key[:200]!r} is not a blob key")
    return key
