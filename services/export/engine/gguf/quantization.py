"""The type of each tensor of a GGUF file, chosen as llama-quantize does, and the k-quants by llama.cpp's own ggml."""

from __future__ import annotations

import struct
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO

import numpy as np
from gguf import GGML_QUANT_SIZES, LlamaFileType, quant_shape_to_byte_shape
from gguf import GGMLQuantizationType as Type
from gguf.quants import quantize
from numpy.typing import NDArray
from torch import Tensor

from shared.engine.process.protocol import EngineError

FILE_TYPES: Mapping[str, tuple[Type, LlamaFileType]] = {
    "f32": (Type.F32, LlamaFileType.ALL_F32),
    "f16": (Type.F16, LlamaFileType.MOSTLY_F16),
    "bf16": (Type.BF16, LlamaFileType.MOSTLY_BF16),
    "q8_0": (Type.Q8_0, LlamaFileType.MOSTLY_Q8_0),
    "q6_k": (Type.Q6_K, LlamaFileType.MOSTLY_Q6_K),
    "q5_k_m": (Type.Q5_K, LlamaFileType.MOSTLY_Q5_K_M),
    "q4_k_m": (Type.Q4_K, LlamaFileType.MOSTLY_Q4_K_M),
}
"""By quantization: the type of most tensors, and that of the file."""
K_TYPES = (Type.Q4_K, Type.Q5_K, Type.Q6_K)
"""What the `gguf` package does not quantize."""
FALLBACKS: Mapping[Type, Type] = {
    Type.Q4_K: Type.Q5_0,
    Type.Q5_K: Type.Q5_1,
    Type.Q6_K: Type.Q8_0,
    **dict.fromkeys((Type.Q5_0, Type.Q5_1, Type.Q8_0), Type.F16),
}
"""For rows that are no multiple of a type's block, as in llama.cpp: 256 weights for k-quants, 32 for the others."""
_CHUNK = 1 << 22
"""Weights sent at once."""
_SCRIPT = Path(__file__).with_name("ggml.py")
Quantize = Callable[[NDArray[np.float32], Type], NDArray[np.uint8]]


def type_of(name: str, tensor: Tensor, kind: Type, layers: int, tied: bool) -> Type:
    """The type of a tensor in a file of a kind, whose model has so many layers, and no output matrix if `tied`."""
    if tensor.dim() < 2:
        return Type.F32
    found = Type.Q6_K if kind in K_TYPES and _is_sensitive(name, layers, tied) else kind
    while found in FALLBACKS and tensor.shape[-1] % GGML_QUANT_SIZES[found][0]:
        found = FALLBACKS[found]
    return found


def _is_sensitive(name: str, layers: int, tied: bool) -> bool:
    """Whether the mixes Q4_K_M and Q5_K_M store a tensor with 6 bits (llama.cpp, src/llama-quant.cpp).

    These are the output matrix, and the values and down projections of the first and last eighth of the layers and of
    every third layer between.
    """
    if name == ("token_embd.weight" if tied else "output.weight"):
        return True
    if not name.endswith((".attn_v.weight", ".ffn_down.weight")):
        return False
    layer, eighth = int(name.split(".")[1]), layers // 8
    return layer < eighth or layer >= 7 * layers // 8 or (layer - eighth) % 3 == 2


@contextmanager
def open_quantizer(python: str) -> Iterator[Quantize]:
    """Quantize in a process that ends with the block. `python` has xllamacpp; only k-quants need it.

    Raises EngineError `llama_quantize_failed`.
    """
    with tempfile.TemporaryFile() as log, ExitStack() as stack:
        process: subprocess.Popen[bytes] | None = None

        def run(weights: NDArray[np.float32], kind: Type) -> NDArray[np.uint8]:
            nonlocal process
            if kind not in K_TYPES:
                return quantize(weights, kind)
            if process is None:
                process = stack.enter_context(_started(python, log))
            rows = max(_CHUNK // weights.shape[-1], 1)
            try:
                return np.concatenate(
                    [_ask(process, weights[at : at + rows], kind) for at in range(0, len(weights), rows)]
                )
            except (BrokenPipeError, EOFError) as error:
                process.wait()
                log.seek(0)
                lines = log.read()[-2000:].decode(errors="replace").strip().splitlines()
                raise EngineError("llama_quantize_failed", f"llama.cpp: {' '.join(lines[-2:])}") from error

        yield run


@contextmanager
def _started(python: str, log: IO[bytes]) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(  # noqa: S603 - the operator's setting, and a file of ours
        [python, "-I", str(_SCRIPT)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def _ask(process: subprocess.Popen[bytes], weights: NDArray[np.float32], kind: Type) -> NDArray[np.uint8]:
    """Quantize a matrix [rows, columns]: bytes [rows, bytes of a row]. Raises EOFError if the process ends."""
    assert process.stdin
    assert process.stdout
    shape = quant_shape_to_byte_shape(weights.shape, kind)
    size = int(np.prod(shape))
    process.stdin.write(struct.pack("<4q", kind, *weights.shape, size) + weights.tobytes())
    process.stdin.flush()
    if len(found := process.stdout.read(size)) < size:
        raise EOFError
    return np.frombuffer(found, np.uint8).reshape(shape)
