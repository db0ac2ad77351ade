"""Matmul benchmark of one core: the basis for time estimates before any job has run on this machine.

Spec {"dtype": "fp32" | "bf16"}; result {"rate": floating-point operations per second}.
"""

from __future__ import annotations

from typing import Any

import torch

from services.training.engine.model.loading import time_matmul
from services.training.engine.spec import TORCH_DTYPES
from shared.engine.process.protocol import Commands, Reporter

_SIZE = 768


def main(spec: dict[str, Any], reporter: Reporter, commands: Commands) -> dict[str, Any]:
    """Time a few products, as `dtype: auto` does. A product of n × n matrices takes 2n³ operations."""
    torch.set_num_threads(1)
    return {"rate": 2 * _SIZE**3 / time_matmul(getattr(torch, TORCH_DTYPES[spec["dtype"]]), _SIZE)}
