"""Strict JSON from engine messages: no NaN or Infinity tokens; tensors and numpy scalars become numbers."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import PurePath
from typing import Any


def encode_json(message: Mapping[str, Any]) -> bytes:
    """Encode a message as one line of UTF-8 JSON without the newline; NaN and infinities become null.

    Raises TypeError for a value that has no JSON form.
    """
    try:
        text = json.dumps(message, allow_nan=False, ensure_ascii=False, default=_scalar)
    except ValueError:
        text = json.dumps(_finite(message), allow_nan=False, ensure_ascii=False)
    return text.encode("utf-8", "replace")


def _finite(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value if value is None or isinstance(value, str | int) else _finite(_scalar(value))


def _scalar(value: Any) -> Any:
    if isinstance(value, PurePath):
        return str(value)
    if hasattr(value, "item"):
        return value.item()
    raise TypeError(f"{type(value).__name__} has no JSON form")
