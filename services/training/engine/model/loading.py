"""Loads the model to train, in the right precision and with adapters on the right layers, and saves the result."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from transformers import AutoConfig
from transformers.pytorch_utils import Conv1D

from services.training.engine.distributed.ranks import SINGLE_PROCESS, Ranks
from services.training.engine.kernels.cpu_fused import use_fused_kernels
from services.training.engine.spec import TORCH_DTYPES, Dtype, Hyperparameters, Lora, ModelRef, TrainingSpec, auto_dtype
from shared.engine.decoding.generate import context_length as context_length
from shared.engine.loading import weight_files
from shared.engine.loading.load import Device, load_model
from shared.engine.process.protocol import EngineError
from shared.engine.text.template import ChatTemplate
from shared.runtime.processes.machine import has_bf16_instructions

_ROUTER_LAYERS = r"(?:.*\.)?(?:gate|router|shared_expert_gate|altup)(?:\..*)?"
"""With AltUp, which mixes the streams of Gemma 3n (arXiv 2301.13310)."""
_MODALITY_LAYERS = r"(?:.*\.)?(?:visual|vision_\w+|image_\w+|audio_\w+|multi_modal_projector)(?:\..*)?"
_MAMBA_TYPES = ("mamba", "mamba2", "falcon_mamba", "falcon_h1", "nemotron_h")
"""Their kernels read the weight of `out_proj` directly, past an adapter, so peft refuses one there. All of Mamba's
layers (arXiv 2312.00752) do so with `dt_proj`."""
_DROPOUT_NAMES = ("dropout", "pdrop", "layerdrop", "jitter")


def load_trainable(spec: TrainingSpec, dtype: Dtype, ranks: Ranks = SINGLE_PROCESS) -> Any:
    """Load the model in training mode. Exactly the weights that `method` trains require gradients; they are fp32.

    Full training keeps fp32 master weights and computes in `dtype` by autocast, because small updates vanish in bf16
    weights. LoRA's frozen base is in `dtype`; QLoRA's in nf4 with double quantization (arXiv 2305.14314) or in int8
    (arXiv 2208.07339). Dropout that the base's configuration asks for is off: it was set for pretraining.
    """
    hyperparameters = spec.hyperparameters
    model = load_model(
        spec.model.model_dump(),
        dtype="float32" if hyperparameters.method == "full" else TORCH_DTYPES[dtype],
        quantization=hyperparameters.quantization or "nf4" if hyperparameters.method == "qlora" else None,
        device=_device(hyperparameters, ranks),
        config_changes=without_dropout(spec.model),
    )
    model.config.use_cache = True
    if hyperparameters.method != "full":
        model = with_adapters(model, hyperparameters, spec.model.name or Path(spec.model.path).name)
    if hyperparameters.gradient_checkpointing:
        model.gradient_checkpointing_enable({"use_reentrant": False})
    if model.device.type != "cuda" or hyperparameters.gpu_kernels:
        use_fused_kernels(model, getattr(torch, TORCH_DTYPES[dtype]))
    return model.train()


def _device(hyperparameters: Hyperparameters, ranks: Ranks) -> Device:
    """A single process uses all GPUs. With DDP each process has one; FSDP loads on the CPU and shards from there."""
    if ranks.size == 1:
        return "auto"
    return "cuda" if torch.cuda.is_available() and hyperparameters.strategy == "ddp" else "cpu"


def with_adapters(model: Any, hyperparameters: Hyperparameters, name: str) -> Any:
    """Add untrained adapters to the model and freeze its weights; saved adapters call their base model `name`."""
    from peft import LoraConfig, get_peft_model, prepare_model_for_kbit_training

    if hyperparameters.method == "qlora":
        model = prepare_model_for_kbit_training(model, use_gradient_checkpointing=False)
        _keep_differentiable(model)
    text = model.config.get_text_config()
    if getattr(text, "altup_coef_clip", None):
        vars(text)["altup_coef_clip"] = None  # else Gemma 3n clips its frozen weights in place; quantized ones fail
    lora = hyperparameters.lora or Lora()
    targets, excluded = lora_targets(model, lora.targets)
    experts = expert_parameters(model) if lora.targets == "all-linear" and not lora.dropout else []
    config = LoraConfig(
        task_type="CAUSAL_LM",
        r=lora.rank,
        lora_alpha=lora.alpha,  # type: ignore[arg-type]  # any number will do
        lora_dropout=lora.dropout,
        use_rslora=lora.rslora,
        target_modules=targets,
        exclude_modules=excluded,
        target_parameters=experts or None,
        ensure_weight_tying=bool(model.config.tie_word_embeddings and {"lm_head", "embed_tokens"} & set(targets)),
    )
    adapted = get_peft_model(model, config)
    adapted.peft_config["default"].base_model_name_or_path = name
    return adapted


def _keep_differentiable(model: Any) -> None:
    """Keep bitsandbytes from repacking its layers in eval mode, on CPUs with AVX512-BF16.

    The layers would stay repacked in training, where that layout's kernel has no backward pass: no gradient would get
    through the base model.
    """
    for module in model.modules():
        if hasattr(module, "support_avx512bf16_for_cpu"):
            module.support_avx512bf16_for_cpu = False


def lora_targets(model: Any, requested: Sequence[str] | str) -> tuple[list[str], str | None]:
    """Names of the linear layers to adapt, and a pattern of layers to exclude although their names match.

    "all-linear" excludes the output head, the routers of mixtures of experts (training them unbalances the experts)
    and the encoders of other modalities. Raises EngineError unknown_lora_targets.
    """
    linear = [name for name, module in model.named_modules() if isinstance(module, (torch.nn.Linear, Conv1D))]
    if requested != "all-linear":
        unknown = [t for t in requested if not any(n == t or n.endswith(f".{t}") for n, _ in model.named_modules())]
        if unknown:
            raise EngineError(
                "unknown_lora_targets",
                f"the model has no layer named {', '.join(unknown)}",
                field="lora.targets",
                remedy=f'use "all-linear" or some of: {", ".join(sorted({n.split(".")[-1] for n in linear}))}',
            )
        return list(requested), None
    head = model.get_output_embeddings()
    linear = [name for name in linear if model.get_submodule(name) is not head]
    excluded = [name for name in linear if re.fullmatch(_ROUTER_LAYERS, name) or re.fullmatch(_MODALITY_LAYERS, name)]
    last_parts = ((name, name.split(".")[-1]) for name in set(linear) - set(excluded))
    targets = {name if last.isdigit() else last for name, last in last_parts}  # "0" would name a whole layer too
    targets -= {"dt_proj", "out_proj"} if model.config.model_type in _MAMBA_TYPES else {"dt_proj"}
    return sorted(targets), f"{_ROUTER_LAYERS}|{_MODALITY_LAYERS}" if excluded else None


def expert_parameters(model: Any) -> list[str]:
    """Names of the weights [experts, in, out] that hold all experts of a layer in one tensor: no linear layers."""
    return [
        f"{name}.{parameter}"
        for name, module in model.named_modules()
        if "expert" in type(module).__name__.lower()
        for parameter, weight in module.named_parameters(recurse=False)
        if weight.dim() == 3
    ]


def config_dropout(ref: ModelRef) -> dict[str, float]:
    """The dropout rates and router noise above 0 in the configuration of the full model under all adapters."""
    if ref.base is not None:
        return config_dropout(ref.base)
    config = AutoConfig.from_pretrained(ref.path, local_files_only=True, trust_remote_code=False).get_text_config()
    return dict(_dropout_in(config.to_dict()))


def without_dropout(ref: ModelRef) -> dict[str, float]:
    """The changes of the configuration that switch them off; transformers checks that an integer stays one."""
    return {name: type(value)(0) for name, value in config_dropout(ref).items()}


def _dropout_in(config: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, float]]:
    """Names and values, also of nested configurations, with dots: MPT has `attn_config.attn_pdrop`."""
    for name, value in config.items():
        if isinstance(value, dict):
            yield from _dropout_in(value, f"{path}{name}.")
        elif any(part in str(name) for part in _DROPOUT_NAMES) and type(value) in (int, float) and value > 0:
            yield f"{path}{name}", value


def trainable(model: Any) -> dict[str, Tensor]:
    """The trained weights by name."""
    return {name: weight for name, weight in model.named_parameters() if weight.requires_grad}


def count_parameters(model: Any) -> int:
    """Parameters of the whole model. nf4 packs two into one element."""
    return sum(w.numel() * (2 if type(w).__name__ == "Params4bit" else 1) for w in model.parameters())


def size_of(ref: ModelRef) -> int:
    """Parameters of a model on disk (for an adapter, of its base), from the headers of its safetensors files."""
    if ref.base is not None:
        return size_of(ref.base)
    return weight_files.count_parameters(Path(ref.path))


def choose_dtype(requested: str, parameters: int) -> Dtype:
    """The requested precision; for `auto`, the one that suits this device (spec.py).

    Raises EngineError dtype_unsupported.
    """
    gpu = torch.cuda.is_available()
    if requested == "fp16" and not gpu:
        raise EngineError("dtype_unsupported", "fp16 needs a GPU", field="dtype", remedy="use auto, bf16 or fp32")
    if requested == "auto":
        return auto_dtype(parameters, gpu=gpu, bf16=has_fast_bf16())
    return requested  # type: ignore[return-value]


def has_fast_bf16() -> bool:
    """Whether the device that trains multiplies bf16 in hardware; elsewhere bf16 is several times slower than fp32."""
    if torch.cuda.is_available():
        return torch.cuda.is_bf16_supported(including_emulation=False)
    return has_bf16_instructions()


def cast_for_delivery(model: Any, dtype: Dtype) -> None:
    """Cast fully trained weights to the precision in which they were evaluated: bf16 after bf16 training.

    After fp16 training, the fp32 master weights stay.
    """
    if dtype == "bf16" and not hasattr(model, "peft_config"):
        model.to(torch.bfloat16)


def save_model(
    model: Any, tokenizer: Any, template: ChatTemplate, folder: Path, state: Mapping[str, Tensor] | None = None
) -> None:
    """Write an adapter (peft) or full weights as safetensors, with tokenizer, chat template and stop token ids.

    `state` holds the full weights if the model is sharded.
    """
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer.chat_template = template.source
    generation = model.generation_config
    generation.eos_token_id = template.stop_ids
    if any(getattr(generation, name, None) is not None for name in ("temperature", "top_p", "top_k")):
        generation.do_sample = True  # transformers refuses to save sampling settings without it
    if hasattr(model, "peft_config"):
        model.save_pretrained(folder, save_embedding_layers=False, state_dict=state)
        (folder / "README.md").unlink(missing_ok=True)  # peft's model card template, not filled in
        generation.save_pretrained(folder)
    else:
        model.save_pretrained(folder, state_dict=state)
    tokenizer.save_pretrained(folder)
