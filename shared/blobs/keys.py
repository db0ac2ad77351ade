"""The form of a key, checked by every adapter before it touches anything."""

import re

from shared.blobs.errors import InvalidKey

KEY = re.compile(r"[A-Za-z0-9._-]{1,255}(/[A-Za-z0-9._-]{1,255})*")
MAX_LENGTH = 1024
"""S3's limit, so that what fits here fits there."""


def validate_key(key: str) -> str:
    """The key itself, or `InvalidKey`."""
    if len(key) > MAX_LENGTH or not KEY.fullmatch(key) or not {".", ".."}.isdisjoint(key.split("/")):
        raise InvalidKey(f"{key[:200]!r} is not a blob key")
    return key
