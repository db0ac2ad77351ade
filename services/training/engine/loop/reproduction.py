"""Compares the weights of a reproduction with those of the model whose training it repeats."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from torch import Tensor

from shared.engine.process.protocol import Reporter

CHUNK = 1 << 22
"""Elements that are compared at a time, in float64."""
MAX_LISTED = 2000
"""Tensors that the comparison lists: those that differ first."""


def compare_weights(original: Path, reproduced: Path, reporter: Reporter) -> dict[str, Any]:
    """Compare every tensor of two model folders, bit by bit.

    Returns `count`, `equal` (how many have the same dtype, shape and bits), `max_difference` (largest absolute
    difference of an element; None where a tensor has no counterpart of its shape, or is not finite), `left_out` and
    `tensors`: [{name, equal, max_difference}]. Raises OSError and SafetensorError.
    """
    files = [_tensor_files(folder) for folder in (original, reproduced)]
    if not files[0]:
        raise FileNotFoundError("its files have left the download cache meanwhile")
    found = []
    for name in sorted({*files[0], *files[1]}):
        both = [_read(by_name[name], name) if name in by_name else None for by_name in files]
        found.append({"name": name, **_compare(both[0], both[1], reporter)})
    differences = [tensor["max_difference"] for tensor in found]
    listed = sorted(found, key=_by_difference)
    return {
        "count": len(found),
        "equal": sum(tensor["equal"] for tensor in found),
        "max_difference": None if None in differences else max(differences, default=0.0),
        "left_out": max(0, len(found) - MAX_LISTED),
        "tensors": listed[:MAX_LISTED],
    }


def _by_difference(tensor: dict[str, Any]) -> tuple[bool, float]:
    """Those that differ first, the largest difference first."""
    largest = tensor["max_difference"]
    return tensor["equal"], -math.inf if largest is None else -largest


def _tensor_files(folder: Path) -> dict[str, Path]:
    """The file of each tensor, by its name."""
    files: dict[str, Path] = {}
    for path in sorted(folder.glob("*.safetensors")):
        with safe_open(path, framework="pt") as opened:
            files |= dict.fromkeys(opened.keys(), path)
    return files


def _read(path: Path, name: str) -> Tensor:
    with safe_open(path, framework="pt") as opened:
        tensor: Tensor = opened.get_tensor(name)
    return tensor


def _compare(original: Tensor | None, reproduced: Tensor | None, reporter: Reporter) -> dict[str, Any]:
    """Whether two tensors of any equal shape have the same bits, and the largest difference."""
    if original is None or reproduced is None or original.shape != reproduced.shape:
        return {"equal": False, "max_difference": None}
    equal, largest = original.dtype == reproduced.dtype, 0.0
    for ours, theirs in zip(original.flatten().split(CHUNK), reproduced.flatten().split(CHUNK), strict=True):
        reporter.alive()
        if equal and torch.equal(ours.view(torch.uint8), theirs.view(torch.uint8)):
            continue
        equal = False
        largest = max(largest, _largest_difference(ours, theirs))
    return {"equal": equal, "max_difference": largest if math.isfinite(largest) else None}


def _largest_difference(ours: Tensor, theirs: Tensor) -> float:
    """Infinity where an element is not finite."""
    difference = (ours.double() - theirs.double()).abs()
    return float(difference.max()) if difference.numel() and difference.isfinite().all() else math.inf
