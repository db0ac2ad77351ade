"""Facts from the headers of safetensors files; no weights are read."""

from __future__ import annotations

from math import prod
from pathlib import Path

from safetensors import SafetensorError, safe_open

from shared.engine.process.protocol import EngineError

_QUANTIZATION_STATE = ".quant_state."
"""In the names of tensors that bitsandbytes adds beside quantized weights; they hold no parameters."""


def count_parameters(folder: Path) -> int:
    """The number of parameters in a folder's safetensors files. Raises EngineError model_incomplete."""
    return sum(map(_parameters_in, sorted(folder.glob("*.safetensors"))))


def _parameters_in(path: Path) -> int:
    """Opening a file makes safetensors check that the header is valid and that its tensors cover the file exactly."""
    try:
        with safe_open(path, framework="numpy") as file:
            names = file.keys()
            return sum(prod(file.get_slice(name).get_shape()) for name in names if _QUANTIZATION_STATE not in name)
    except SafetensorError as error:
        detail = f"{path.name} is not a complete safetensors file: {error}"
        raise EngineError("model_incomplete", detail, remedy="upload it again") from error
