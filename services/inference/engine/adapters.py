"""Reads a plain LoRA adapter from its folder, without peft: two small matrices for each layer that it changes."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from shared.engine.process.protocol import EngineError

WEIGHTS = "adapter_model.safetensors"
PREFIX = "base_model.model."
# fmt: off
HARMLESS = frozenset((
    "task_type", "peft_type", "auto_mapping", "peft_version", "base_model_name_or_path", "revision", "inference_mode",
    "r", "lora_alpha", "lora_dropout", "bias", "use_rslora", "init_lora_weights", "target_modules", "exclude_modules",
    "layers_to_transform", "layers_pattern", "megatron_core", "qalora_group_size", "ensure_weight_tying",
))
# fmt: on
"""Settings of peft that leave an adapter plain; any other that is set is left to peft."""

Update = tuple[Tensor, Tensor]
"""A [inputs, rank] and B [rank, outputs] with the scale in it."""
Updates = Mapping[Any, Update]
"""By layer."""


def read_plain(folder: Path, layers: Mapping[str, Any], dtype: torch.dtype, device: Any) -> Updates | None:
    """The updates of the adapter in `folder` for `layers` (a base's linear layers by name).

    None where it is more than LoRA (arXiv 2106.09685) over linear layers, such as DoRA or saved modules. Raises
    EngineError `model_incomplete` for a damaged file.
    """
    config, file = json.loads((folder / "adapter_config.json").read_text("utf-8")), folder / WEIGHTS
    if not _plain(config) or not file.exists():
        return None
    scale = config["lora_alpha"] / (math.sqrt(config["r"]) if config.get("use_rslora") else config["r"])
    try:
        weights = load_file(file)
    except SafetensorError as error:
        raise EngineError("model_incomplete", f"the adapter's weights are damaged: {error}") from error
    found = [name.removeprefix(PREFIX).partition(".lora_") for name in weights]
    if any(part not in ("A.weight", "B.weight") or layer not in layers for layer, _, part in found):
        return None
    updates = {}
    for layer in {layer for layer, _, _ in found}:
        a, b = (weights[f"{PREFIX}{layer}.lora_{part}.weight"] for part in "AB")
        updates[layers[layer]] = (_ready(a, dtype, device), _ready(b.float() * scale, dtype, device))
    return updates


def size_of(updates: Updates) -> int:
    """Bytes."""
    return sum(part.nbytes for update in updates.values() for part in update)


def _plain(config: Mapping[str, Any]) -> bool:
    known = config.get("peft_type") == "LORA" and config.get("bias", "none") == "none"
    usual = not isinstance(config.get("init_lora_weights"), str)  # the others change the base as they are loaded
    return known and usual and not any(value for name, value in config.items() if name not in HARMLESS)


def _ready(weight: Tensor, dtype: torch.dtype, device: Any) -> Tensor:
    return weight.T.to(device, dtype).contiguous()
