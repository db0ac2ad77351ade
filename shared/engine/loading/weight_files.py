"""Facts of a full model's weight files: sizes from their headers, and whether every weight is a finite number."""

from __future__ import annotations

import json
from math import prod
from pathlib import Path
from typing import Any

from safetensors import safe_open

from shared.engine.loading.safety import weight_files
from shared.engine.process.protocol import EngineError
from shared.json_keys import RepeatedKey, unique_keys

MAX_HEADER, MAX_DIMENSIONS, MAX_LENGTH = 32 << 20, 16, 1 << 48
"""Bytes of a header; dimensions of a tensor, and the length of one."""
_BITS = {
    **dict.fromkeys(("BOOL", "U8", "I8", "F8_E4M3", "F8_E5M2", "F8_E8M0"), 8),
    **dict.fromkeys(("I16", "U16", "F16", "BF16"), 16),
    **dict.fromkeys(("I32", "U32", "F32"), 32),
    **dict.fromkeys(("I64", "U64", "F64"), 64),
}
"""Bits of a number in each data type that models have."""
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
                wide = tensor.float() if tensor.is_floating_point() and tensor.element_size() == 1 else tensor
                if wide.is_floating_point() and not torch.isfinite(wide).all():
                    detail = f"{path.name}: {name} holds NaN or infinite weights"
                    raise EngineError(
                        "model_incomplete", detail, remedy="Upload weights of a run that did not diverge."
                    )


def weight_dtypes(folder: Path) -> dict[str, str]:
    """Names and data types of the tensors in a folder's weight files. Raises EngineError model_incomplete."""
    headers = [read_header(folder / file) for file in weight_files(folder)]
    return {name: tensor["dtype"] for header in headers for name, tensor in header.items()}


def _shapes_in(path: Path) -> dict[str, list[int]]:
    return {name: tensor["shape"] for name, tensor in read_header(path).items()}


def read_header(path: Path) -> dict[str, dict[str, Any]]:
    """The tensors of a safetensors file by name: {"dtype", "shape", "data_offsets"}.

    Raises EngineError model_incomplete with the tensor that is wrong. The tensors cover the file's data exactly, once,
    so that no two share bytes and none is outside.
    """
    header, size = _parse_header(path)
    end = 0
    for name, tensor in sorted(header.items(), key=lambda item: _offsets(path, *item)):
        begin, stop = _offsets(path, name, tensor)
        dtype, shape = tensor.get("dtype"), tensor.get("shape")
        if not isinstance(dtype, str) or dtype not in _BITS:
            raise _damaged(path, f"the data type {str(dtype)[:100]!r} of {name} is none of {', '.join(_BITS)}")
        if not isinstance(shape, list) or len(shape) > MAX_DIMENSIONS or not all(map(_is_length, shape)):
            raise _damaged(path, f"the shape {str(shape)[:100]} of {name} is no list of sizes")
        if (needed := prod(shape) * _BITS[dtype] // 8) != stop - begin:
            raise _damaged(
                path, f"{name} has the shape {shape} of {dtype}, {needed} bytes, and offsets of {stop - begin}"
            )
        if begin != end:
            overlap = "overlaps the tensor before it" if begin < end else f"leaves {begin - end} bytes before it unused"
            raise _damaged(path, f"{name} (offsets {begin} to {stop}) {overlap}")
        end = stop
    if end != size:
        raise _damaged(path, f"its tensors need {end} bytes, and it has {size}")
    return header


def _parse_header(path: Path) -> tuple[dict[str, dict[str, Any]], int]:
    """A file's header without its metadata, and the bytes after it."""
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        size = path.stat().st_size - 8 - length
        if not 2 <= length <= MAX_HEADER or size < 0:
            raise _damaged(path, f"its header should have {length} bytes, at most {MAX_HEADER}")
        try:
            header = json.loads(file.read(length), object_pairs_hook=unique_keys)
        except RepeatedKey as repeated:
            raise _damaged(path, f"in its header {repeated}") from repeated
        except (ValueError, RecursionError) as error:
            raise _damaged(path, f"its header is not JSON ({error})") from error
    if not isinstance(header, dict):
        raise _damaged(path, "its header is not a JSON object")
    header.pop("__metadata__", None)
    return header, size


def _is_length(value: Any) -> bool:
    return type(value) is int and 0 <= value <= MAX_LENGTH


def _offsets(path: Path, name: str, tensor: Any) -> tuple[int, int]:
    match tensor.get("data_offsets") if isinstance(tensor, dict) else None:
        case [int(begin), int(end)] if 0 <= begin <= end:
            return begin, end
        case offsets:
            raise _damaged(path, f"the offsets {str(offsets)[:100]} of {name} are not two positions in it")


def _damaged(path: Path, detail: str) -> EngineError:
    return EngineError("model_incomplete", f"{path.name} is damaged: {detail}", remedy="Upload it again, whole.")
