"""Writes a LoRA adapter as GGUF (llama.cpp's convert_lora_to_gguf.py): pairs of matrices, named after their weight."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from gguf import GGUFWriter, Keys, get_tensor_name_map
from gguf.quants import quantize
from safetensors.torch import load_file
from torch import Tensor

from services.export.engine.gguf.architectures import architecture_of, permute, refuse
from services.export.engine.gguf.quantization import FILE_TYPES
from services.export.engine.gguf.writer import Alive, write_tensors

_PREFIX = "base_model.model."
_PARTS = {".lora_A.weight": ".lora_a", ".lora_B.weight": ".lora_b"}


def write_adapter(path: Path, folder: Path, base_config: Any, kind: str, name: str, alive: Alive) -> None:
    """Write the adapter of peft in `folder` for a base model. Raises EngineError `gguf_unsupported`."""
    settings = json.loads((folder / "adapter_config.json").read_text("utf-8"))
    for setting in ("use_dora", "modules_to_save", "alpha_pattern", "rank_pattern", "trainable_token_indices"):
        if settings.get(setting):
            refuse(f"an adapter with {setting}")
    if settings.get("bias", "none") != "none":
        refuse("an adapter with biases")
    writer = GGUFWriter(path, architecture_of(base_config).name)
    writer.add_type("adapter")
    writer.add_string(Keys.Adapter.TYPE, "lora")
    writer.add_name(name)
    # llama.cpp multiplies by alpha / rank, rank-stabilized LoRA by alpha / sqrt(rank) (arXiv 2312.03732).
    scale = settings["r"] ** 0.5 if settings.get("use_rslora") else 1.0
    writer.add_float32(Keys.Adapter.LORA_ALPHA, settings["lora_alpha"] * scale)
    weights = load_file(folder / "adapter_model.safetensors")
    named = list(_tensors(weights, base_config))
    write_tensors(writer, named, dict.fromkeys(dict(named), FILE_TYPES[kind][0]), quantize, alive)


def _tensors(weights: dict[str, Tensor], config: Any) -> Iterator[tuple[str, Tensor]]:
    """Yield A [rank, in] and B [out, rank] of each weight; the rows of B are permuted like those of the weight."""
    architecture = architecture_of(config)
    names = get_tensor_name_map(architecture.kind, config.num_hidden_layers)
    for name, tensor in sorted(weights.items()):
        part = next((part for part in _PARTS if name.endswith(part)), None)
        module = name.removeprefix(_PREFIX).removesuffix(part or "")
        known = names.get_name(f"{module}.weight", try_suffixes=(".weight",))
        if part is None or known is None or module == "lm_head":
            refuse(f"the adapter's weight {name}")
        is_permuted = architecture.permuted and part == ".lora_B.weight"
        yield f"{known}{_PARTS[part or '']}", permute(f"{module}.weight", tensor, config) if is_permuted else tensor
