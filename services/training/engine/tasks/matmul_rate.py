"""Matmul benchmark of one core: the basis for time estimates before any job has run on this machine.

Spec {"dtype": "fp32" | "bf16"}; result {"rate": floating-point operations per second}.
"""

from __future__ import annotations

import time
from typing import Any

import torch

from services.training.engine.spec import TORCH_DTYPES
from shared.engine.process.protocol import Commands, Reporter

_SIZE = 768


def main(spec: dict[str, Any], reporter: Reporter, commands: Commands) -> dict[str, Any]:
    """Time a few products. A product of n × n matrices takes 2n³ operations."""
    torch.set_num_threads(1)
    return {"rate": 2 * _SIZE**3 / _time_matmul(getattr(torch, TORCH_DTYPES[spec["dtype"]]))}


def _time_matmul(dtype: torch.dtype) -> float:
    """Seconds for a product of square matrices, the fastest of four: the first one includes the warm-up."""
    matrix = torch.ones(_SIZE, _SIZE, dtype=dtype)
    seconds = []
    for _ in range(4):
        started = time.perf_counter()
        matrix @ matrix
        seconds.append(time.perf_counter() - started)
    return min(seconds)
