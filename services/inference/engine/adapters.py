"""Loads plain LoRA adapters from disk without peft: two low-rank matrices per adapted layer."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from shared.engine.process.protocol import EngineError

WEIGHTS = "adapter_model.safetensors"
PREFIX = "base_model.model."
# fmt: off
PLAIN_LORA_SETTINGS = frozenset((
    "task_type", "peft_type", "auto_mapping", "peft_version", "base_model_name_or_path", "revision", "inference_mode",
    "r", "lora_alpha", "lora_dropout", "bias", "use_rslora", "init_lora_weights", "target_modules", "exclude_modules",
    "layers_to_transform", "layers_pattern", "megatron_core", "qalora_group_size", "ensure_weight_tying",
))
# fmt: on
"""peft settings that a plain LoRA adapter may have. With any other setting, peft loads the adapter."""

RANDOM_INITIALIZATIONS = frozenset(("gaussian", "orthogonal"))
"""Named initializations that leave the base weights as they are; those such as PiSSA modify them on load."""

SHARED_INPUTS = (("q_proj", "k_proj", "v_proj"), ("gate_proj", "up_proj"))
"""Layers that get the same input in most models; where they do not, only time is lost."""


class LoraUpdate(NamedTuple):
    """A [in_features, rank] and B [rank, out_features]; B includes the LoRA scale.

    A is the columns from `start` of `shared`, which has those of all layers with the same input, if there are others.
    """

    a: Tensor
    b: Tensor
    shared: Tensor | None = None
    start: int = 0


LoraUpdates = Mapping[Any, LoraUpdate]
"""By layer."""


def load_plain_lora(folder: Path, layers: Mapping[str, Any], dtype: torch.dtype, device: Any) -> LoraUpdates | None:
    """Load the updates of the adapter in `folder` for `layers`, the base model's linear layers by name.

    Returns None if the adapter is more than LoRA (arXiv 2106.09685) on linear layers, such as DoRA or saved modules.
    Raises EngineError `model_incomplete` for a damaged file.
    """
    config, file = json.loads((folder / "adapter_config.json").read_text("utf-8")), folder / WEIGHTS
    if not _is_plain_lora(config) or not file.exists():
        return None
    scale = config["lora_alpha"] / (math.sqrt(config["r"]) if config.get("use_rslora") else config["r"])
    try:
        weights = load_file(file)
    except SafetensorError as error:
        raise EngineError("model_incomplete", f"the adapter's weights are damaged: {error}") from error
    parsed = [name.removeprefix(PREFIX).partition(".lora_") for name in weights]
    if any(part not in ("A.weight", "B.weight") or layer not in layers for layer, _, part in parsed):
        return None
    updates = {}
    for layer in {layer for layer, _, _ in parsed}:
        a, b = (weights[f"{PREFIX}{layer}.lora_{part}.weight"] for part in "AB")
        updates[layer] = LoraUpdate(_to_device(a, dtype, device), _to_device(b.float() * scale, dtype, device))
    for parent in {layer.rpartition(".")[0] for layer in updates}:
        for names in SHARED_INPUTS:
            _share(updates, [f"{parent}.{name}" for name in names if f"{parent}.{name}" in updates])
    return {layers[layer]: update for layer, update in updates.items()}


def _share(updates: dict[str, LoraUpdate], layers: Sequence[str]) -> None:
    """Store the A of several layers in one matrix."""
    if len(layers) < 2 or len({len(updates[layer].a) for layer in layers}) != 1:
        return
    shared, start = torch.cat([updates[layer].a for layer in layers], 1), 0
    for layer in layers:
        rank = updates[layer].a.shape[1]
        updates[layer] = LoraUpdate(shared[:, start : start + rank], updates[layer].b, shared, start)
        start += rank


def size_in_bytes(updates: LoraUpdates) -> int:
    """Return the memory size of the updates."""
    return sum(update.a.nbytes + update.b.nbytes for update in updates.values())


def _is_plain_lora(config: Mapping[str, Any]) -> bool:
    is_lora = config.get("peft_type") == "LORA" and config.get("bias", "none") == "none"
    init = config.get("init_lora_weights")
    keeps_base = not isinstance(init, str) or init in RANDOM_INITIALIZATIONS
    only_plain = not any(value for name, value in config.items() if name not in PLAIN_LORA_SETTINGS)
    return is_lora and keeps_base and only_plain


def _to_device(weight: Tensor, dtype: torch.dtype, device: Any) -> Tensor:
    return weight.T.to(device, dtype).contiguous()
