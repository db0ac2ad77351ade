"""Warnings of a base model's files that are never read."""

from collections.abc import Sequence
from typing import Any


def pickles_ignored(files: Sequence[str]) -> dict[str, Any]:
    """A warning (shared/warnings.py) of pickle files beside safetensors weights."""
    return {
        "code": "pickle_files_ignored",
        "detail": "Pickle files can run code when they are read. The safetensors files beside them are used.",
        "count": len(files),
        "example": files[0],
        "remedy": "Nothing, if both hold the same weights.",
    }


def weights_ignored(files: Sequence[str]) -> dict[str, Any]:
    """A warning of safetensors files that the model's index does not name."""
    return {
        "code": "weight_files_ignored",
        "detail": "These safetensors files are no part of the model: neither model.safetensors nor named in its index.",
        "count": len(files),
        "example": files[0],
        "remedy": "Nothing, if they hold the same weights in another format.",
    }
