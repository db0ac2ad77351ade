"""Facts of a full model's weight files: sizes from their headers, and whether every weight is a finite number."""

from __future__ import annotations

from math import prod
from pathlib import Path

from safetensors import SafetensorError, safe_open

from shared.engine.loading.safety import weight_files
from shared.engine.process.protocol import EngineError

_QUANTIZATION_STATE = ".quant_state."
"""In the names of tensors that bitsandbytes adds beside quantized weights; they hold no parameters."""


def count_parameters(folder: Path) -> int:
    """The number of parameters in a folder's weight files. Raises EngineError model_incomplete."""
    return sum(prod(shape) for name, shape in weight_shapes(folder).items() if _QUANTIZATION_STATE not in name)


def count_bytes(folder: Path) -> int:
    """The size of a folder's weight files in bytes."""
    return sum((folder / name).stat().st_size for name in weight_files(folder))


def weight_shapes(folder: Path) -> dict[str, list[int]]:
    """Names and shapes of the tensors in a folder's weight files. Raises EngineError model_incomplete."""
    return {name: shape for file in weight_files(folder) for name, shape in _shapes_in(folder / file).items()}


def require_finite(folder: Path) -> None:
    """Read every weight, one tensor at a time. Raises EngineError model_incomplete for NaN or an infinity."""
    import torch

    for path in (folder / name for name in weight_files(folder)):
        with safe_open(path, framework="pt") as file:
            for name in file.keys():  # noqa: SIM118 - not a dict
                tensor = file.get_tensor(name)
                if tensor.is_floating_point() and tensor.element_size() > 1 and not torch.isfinite(tensor).all():
                    detail = f"{path.name}: {name} holds NaN or infinite weights"
                    raise EngineError(
                        "model_incomplete", detail, remedy="Upload weights of a run that did not diverge."
                    )


def _shapes_in(path: Path) -> dict[str, list[int]]:
    """Opening a file makes safetensors check that the header is valid and that its tensors cover the file exactly."""
    try:
        with safe_open(path, framework="numpy") as file:
            return {name: file.get_slice(name).get_shape() for name in file.keys()}  # noqa: SIM118 - not a dict
    except SafetensorError as error:
        detail = f"{path.name} is not a complete safetensors file: {error}"
        raise EngineError("model_incomplete", detail, remedy="upload it again") from error
