"""How fast one core of this machine multiplies matrices: what an estimate of time rests on before a job has run.

Spec {"dtype": "fp32" | "bf16"}; result {"rate": products and sums per second}.
"""

from __future__ import annotations

from typing import Any

import torch

from services.training.engine.model.loading import seconds_of_product
from services.training.engine.spec import TORCH_DTYPES
from shared.engine.process.protocol import Commands, Reporter

_SIZE = 768


def main(spec: dict[str, Any], reporter: Reporter, commands: Commands) -> dict[str, Any]:
    """The quickest of a few products, as `dtype: auto` times them."""
    torch.set_num_threads(1)
    return {"rate": 2 * _SIZE**3 / seconds_of_product(getattr(torch, TORCH_DTYPES[spec["dtype"]]), _SIZE)}
