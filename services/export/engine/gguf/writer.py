"""Writes a model or a LoRA adapter as one GGUF file, tensor by tensor."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from gguf import GGMLQuantizationType as Type
from gguf import GGUFWriter, LlamaFileType, quant_shape_to_byte_shape
from gguf.quants import quantize
from torch import Tensor

from services.export.engine.gguf.architectures import add_metadata, architecture_of, tensors
from services.export.engine.gguf.vocabulary import add_vocabulary
from shared.engine.text.template import ChatTemplate

TYPES: Mapping[str, tuple[Type, LlamaFileType]] = {
    "f32": (Type.F32, LlamaFileType.ALL_F32),
    "f16": (Type.F16, LlamaFileType.MOSTLY_F16),
    "bf16": (Type.BF16, LlamaFileType.MOSTLY_BF16),
    "q8_0": (Type.Q8_0, LlamaFileType.MOSTLY_Q8_0),
}
"""What the `gguf` package quantizes; llama-quantize makes the others from f32."""
Q8_0_BLOCK = 32
"""Weights that share one scale; rows of another length stay in f16, as in llama.cpp's own converter."""
Alive = Callable[[], Any]


def write_model(
    path: Path, model: Any, tokenizer: Any, template: ChatTemplate, kind: str, name: str, alive: Alive
) -> None:
    """Write a model with its tokenizer. Norms and biases stay in f32. Raises EngineError `gguf_unsupported`."""
    architecture = architecture_of(model.config)
    writer = GGUFWriter(path, architecture.name)
    writer.add_type("model")
    writer.add_name(name)
    writer.add_file_type(TYPES[kind][1])
    add_metadata(writer, model.config)
    add_vocabulary(writer, tokenizer, template, model.config.vocab_size)
    write_tensors(writer, list(tensors(model, architecture)), TYPES[kind][0], alive)


def write_tensors(writer: GGUFWriter, named: Iterable[tuple[str, Tensor]], kind: Type, alive: Alive) -> None:
    """Write the header and all tensors; only one at a time is converted in memory."""
    kinds = {name: _type_of(tensor, kind) for name, tensor in named}
    for name, tensor in named:
        shape = quant_shape_to_byte_shape(tensor.shape, kinds[name])
        is_float = kinds[name] in (Type.F32, Type.F16)
        dtype = {Type.F32: np.float32, Type.F16: np.float16}.get(kinds[name], np.uint8)
        size = int(np.prod(shape, dtype=np.int64))
        writer.add_tensor_info(name, tensor.shape if is_float else shape, np.dtype(dtype), size, kinds[name])
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_ti_data_to_file()
    for name, tensor in named:
        writer.write_tensor_data(quantize(tensor.detach().float().cpu().contiguous().numpy(), kinds[name]))
        alive()
    writer.close()


def _type_of(tensor: Tensor, kind: Type) -> Type:
    if tensor.dim() < 2:
        return Type.F32
    return Type.F16 if kind == Type.Q8_0 and tensor.shape[-1] % Q8_0_BLOCK else kind
