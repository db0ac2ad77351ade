"""The provenance of a model: code, library versions, data, base model, seed and settings."""

from __future__ import annotations

import hashlib
import platform
import subprocess
from contextlib import suppress
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import torch

from services.training.engine.spec import Settings, TrainingSpec
from shared.runtime.processes import machine

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


def describe_origin(spec: TrainingSpec, settings: Settings, device: str) -> dict[str, Any]:
    """Everything needed to repeat a run; identical for every attempt on the same machine."""
    return {
        "code": code(),
        "versions": versions(),
        "device": device,
        "hardware": hardware(device),
        "seed": spec.hyperparameters.seed,
        "dataset": spec.dataset.fingerprint,
        "base": spec.model.fingerprint,
        "settings": settings.model_dump(),
        "hyperparameters": spec.hyperparameters.model_dump(),
    }


@cache
def versions() -> dict[str, str]:
    """Versions of Python and of the packages that affect the numbers."""
    found = {"python": platform.python_version()}
    for package in _PACKAGES:
        with suppress(PackageNotFoundError):
            found[package] = version(package)
    return found


def hardware(device: str) -> dict[str, str]:
    """The processor that computed the numbers, and the instruction set that torch's kernels use on it."""
    found = {"cpu": machine.cpu_name(), "cpu_capability": torch.backends.cpu.get_cpu_capability()}
    return found | ({"gpu": torch.cuda.get_device_name(device)} if device.startswith("cuda") else {})


@cache
def code() -> dict[str, str]:
    """The release, the commit of a checkout, and a digest of the engine's sources, which reveals local changes."""
    found = {"sources": _digest()}
    with suppress(PackageNotFoundError):
        found["version"] = version("anneal")
    if (_ROOT / ".git").exists():
        with suppress(OSError, subprocess.SubprocessError):
            command = ["git", "-C", str(_ROOT), "rev-parse", "HEAD"]
            head = subprocess.run(command, capture_output=True, text=True, timeout=5, check=True)  # noqa: S603 - a fixed command
            found["commit"] = head.stdout.strip()
    return found


def _digest() -> str:
    digest = hashlib.sha256()
    for folder in _SOURCES:
        for path in sorted((_ROOT / folder).rglob("*.py")):
            digest.update(f"{path.relative_to(_ROOT)}\n".encode() + path.read_bytes())
    return digest.hexdigest()
