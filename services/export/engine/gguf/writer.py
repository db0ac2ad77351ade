"""Writes a model or a LoRA adapter as one GGUF file, tensor by tensor."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from gguf import GGMLQuantizationType as Type
from gguf import GGUFWriter, quant_shape_to_byte_shape
from torch import Tensor

from services.export.engine.gguf.architectures import add_metadata, architecture_of, tensors
from services.export.engine.gguf.quantization import FILE_TYPES, Quantize, open_quantizer, type_of
from services.export.engine.gguf.vocabulary import add_vocabulary
from shared.engine.text.template import ChatTemplate

Alive = Callable[[], Any]


def write_model(
    path: Path, model: Any, tokenizer: Any, template: ChatTemplate, kind: str, name: str, alive: Alive, python: str = ""
) -> dict[str, int]:
    """Write a model with its tokenizer; return how many tensors have each type. Norms and biases stay in f32.

    k-quants need the `python` that has llama.cpp. Raises EngineError `gguf_unsupported` and `llama_quantize_failed`.
    """
    architecture, config = architecture_of(model.config), model.config
    writer = GGUFWriter(path, architecture.name)
    writer.add_type("model")
    writer.add_name(name)
    most, file_type = FILE_TYPES[kind]
    writer.add_file_type(file_type)
    add_metadata(writer, config)
    add_vocabulary(writer, tokenizer, template, config.vocab_size)
    named = list(tensors(model, architecture))
    tied = all(name != "output.weight" for name, _ in named)
    kinds = {name: type_of(name, tensor, most, config.num_hidden_layers, tied) for name, tensor in named}
    with open_quantizer(python) as quantize:
        write_tensors(writer, named, kinds, quantize, alive)
    return dict(Counter(kind.name.lower() for kind in kinds.values()))


def write_tensors(
    writer: GGUFWriter, named: Iterable[tuple[str, Tensor]], kinds: Mapping[str, Type], quantize: Quantize, alive: Alive
) -> None:
    """Write the header and all tensors; only one at a time is converted in memory."""
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
