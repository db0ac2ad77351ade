"""The architectures that can be written as GGUF: metadata, tensor names, and what llama.cpp stores differently."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

import torch
from gguf import MODEL_ARCH, MODEL_ARCH_NAMES, GGUFWriter, RopeScalingType, get_tensor_name_map
from torch import Tensor

from shared.engine.process.protocol import EngineError

REMEDY = "Use the format torch."


@dataclass(frozen=True)
class Architecture:
    """How llama.cpp knows an architecture. `permuted`: it rotates neighbors in q and k, transformers halves."""

    kind: MODEL_ARCH
    permuted: bool = False

    @property
    def name(self) -> str:
        """llama.cpp's name, which begins its metadata keys."""
        return MODEL_ARCH_NAMES[self.kind]


ARCHITECTURES: Mapping[str, Architecture] = {
    "llama": Architecture(MODEL_ARCH.LLAMA, permuted=True),
    "mistral": Architecture(MODEL_ARCH.LLAMA, permuted=True),
    "qwen2": Architecture(MODEL_ARCH.QWEN2),
    "qwen3": Architecture(MODEL_ARCH.QWEN3),
}
"""By `model_type` of transformers. Each is compared with llama.cpp on a small random model (tests/models)."""


def architecture_of(config: Any) -> Architecture:
    """The architecture of a model. Raises EngineError `gguf_unsupported` for what a GGUF file cannot express."""
    if config.model_type not in ARCHITECTURES:
        refuse(f"the architecture {config.model_type}", supported=sorted(ARCHITECTURES))
    rope = config.rope_parameters
    if config.hidden_act not in ("silu", "swish"):
        refuse(f"the activation {config.hidden_act}")
    if rope.get("rope_type", "default") not in ("default", "linear", "llama3", "yarn"):
        refuse(f"the RoPE scaling {rope['rope_type']}")
    if rope.get("partial_rotary_factor", 1.0) != 1.0:
        refuse("a partial rotary factor")
    if config.model_type != "mistral" and "sliding_attention" in (getattr(config, "layer_types", None) or ()):
        refuse("sliding window attention")
    return ARCHITECTURES[config.model_type]


def refuse(what: str, **fields: Any) -> NoReturn:
    """Raise EngineError `gguf_unsupported`."""
    raise EngineError("gguf_unsupported", f"A GGUF file cannot be written for {what}.", remedy=REMEDY, **fields)


def add_metadata(writer: GGUFWriter, config: Any) -> None:
    """Add the dimensions and RoPE settings, in the units of config.json."""
    head = _head_size(config)
    writer.add_block_count(config.num_hidden_layers)
    writer.add_context_length(context_of(config))
    writer.add_embedding_length(config.hidden_size)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(config.num_attention_heads)
    writer.add_head_count_kv(config.num_key_value_heads)
    writer.add_key_length(head)
    writer.add_value_length(head)
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    writer.add_vocab_size(config.vocab_size)
    writer.add_rope_dimension_count(head)
    _add_rope(writer, config.rope_parameters)


def context_of(config: Any) -> int:
    """The context that llama.cpp computes exactly: it knows no sliding window of this family, so at most one window."""
    return min(config.max_position_embeddings, getattr(config, "sliding_window", None) or math.inf)


def _add_rope(writer: GGUFWriter, rope: Mapping[str, Any]) -> None:
    writer.add_rope_freq_base(rope["rope_theta"])
    if (kind := rope.get("rope_type", "default")) not in ("linear", "yarn"):
        return
    writer.add_rope_scaling_type(RopeScalingType(kind))
    writer.add_rope_scaling_factor(rope["factor"])
    if kind == "yarn":
        writer.add_rope_scaling_orig_ctx_len(rope["original_max_position_embeddings"])
        for name, add in (
            ("attention_factor", writer.add_rope_scaling_yarn_attn_factor),
            ("beta_fast", writer.add_rope_scaling_yarn_beta_fast),
            ("beta_slow", writer.add_rope_scaling_yarn_beta_slow),
        ):
            if rope.get(name) is not None:
                add(rope[name])


def tensors(model: Any, architecture: Architecture) -> Iterator[tuple[str, Tensor]]:
    """Yield llama.cpp's name and tensor of every weight, as transformers shapes them: [out, in].

    A tied output layer is left out: llama.cpp then uses the embeddings. Raises EngineError `gguf_unsupported` for a
    weight that llama.cpp has no name for.
    """
    names, config = get_tensor_name_map(architecture.kind, model.config.num_hidden_layers), model.config
    for name, tensor in model.state_dict().items():
        if name == "lm_head.weight" and config.tie_word_embeddings:
            continue
        if (known := names.get_name(name, try_suffixes=(".weight", ".bias"))) is None:
            refuse(f"the weight {name}")
        yield known, permute(name, tensor, config) if architecture.permuted else tensor
    if config.rope_parameters.get("rope_type") == "llama3":
        yield "rope_freqs.weight", _llama3_factors(config)


def permute(name: str, tensor: Tensor, config: Any) -> Tensor:
    """Reorder the rows of a q or k projection, weight [out, in] or bias [out], or of its LoRA matrix B [out, rank].

    transformers rotates dimension i of a head with i + size/2, llama.cpp 2i with 2i + 1 (llama.cpp's
    conversion/llama.py, `permute`). Other weights are returned as they are.
    """
    heads = {"q_proj": config.num_attention_heads, "k_proj": config.num_key_value_heads}
    count = next((count for part, count in heads.items() if f".{part}." in name), None)
    if count is None:
        return tensor
    halves = tensor.reshape(count, 2, tensor.shape[0] // count // 2, *tensor.shape[1:])
    return halves.swapaxes(1, 2).reshape(tensor.shape)


def _llama3_factors(config: Any) -> Tensor:
    """The divisors of the RoPE frequencies of Llama 3, [head size / 2] (transformers, `_compute_llama3_parameters`)."""
    rope, size = config.rope_parameters, _head_size(config)
    frequencies = 1.0 / rope["rope_theta"] ** (torch.arange(0, size, 2, dtype=torch.float32) / size)
    wavelengths, context = 2 * math.pi / frequencies, rope["original_max_position_embeddings"]
    low, high = rope["low_freq_factor"], rope["high_freq_factor"]
    smooth = ((context / wavelengths - low) / (high - low)).clamp(0, 1)
    return 1 / ((1 - smooth) / rope["factor"] + smooth)


def _head_size(config: Any) -> int:
    return getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
