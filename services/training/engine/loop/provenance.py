"""What made a model: which code and libraries, from which data and base, with which seed and settings."""

from __future__ import annotations

import hashlib
import platform
import subprocess
from contextlib import suppress
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from services.training.engine.spec import Settings, TrainingSpec

_PACKAGES = (
    "torch",
    "transformers",
    "peft",
    "accelerate",
    "trl",
    "bitsandbytes",
    "datasets",
    "tokenizers",
    "safetensors",
)
_ROOT = Path(__file__).parents[4]
_SOURCES = ("services/training/engine", "shared/engine")


def made_with(spec: TrainingSpec, settings: Settings, device: str) -> dict[str, Any]:
    """All that one needs to do a run again; the same for every attempt at it on the same machine."""
    return {
        "code": code(),
        "versions": versions(),
        "device": device,
        "seed": spec.hyperparameters.seed,
        "dataset": spec.dataset.fingerprint,
        "base": spec.model.fingerprint,
        "settings": settings.model_dump(),
        "hyperparameters": spec.hyperparameters.model_dump(),
    }


@cache
def versions() -> dict[str, str]:
    """Versions of Python and of the packages that decide about numbers."""
    found = {"python": platform.python_version()}
    for package in _PACKAGES:
        with suppress(PackageNotFoundError):
            found[package] = version(package)
    return found


@cache
def code() -> dict[str, str]:
    """The release, the commit where it runs from a checkout, and a digest of the engine's sources, changed or not."""
    found = {"sources": _digest()}
    with suppress(PackageNotFoundError):
        found["version"] = version("anneal")
    if (_ROOT / ".git").exists():
        with suppress(OSError, subprocess.SubprocessError):
            asked = ["git", "-C", str(_ROOT), "rev-parse", "HEAD"]
            said = subprocess.run(asked, capture_output=True, text=True, timeout=5, check=True)
            found["commit"] = said.stdout.strip()
    return found


def _digest() -> str:
    digest = hashlib.sha256()
    for folder in _SOURCES:
        for path in sorted((_ROOT / folder).rglob("*.py")):
            digest.update(f"{path.relative_to(_ROOT)}\n".encode() + path.read_bytes())
    return digest.hexdigest()
