"""Loads the model to train, in the right precision and with adapters on the right layers, and saves the result."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from services.training.engine.attention.packed import use_packed_attention
from services.training.engine.distributed.ranks import SINGLE_PROCESS, Ranks
from services.training.engine.kernels.cpu_fused import use_fused_kernels
from services.training.engine.spec import TORCH_DTYPES, Dtype, Hyperparameters, Lora, ModelRef, TrainingSpec
from shared.engine.decoding.generate import context_length as context_length
from shared.engine.loading import weight_files
from shared.engine.loading.load import Device, load_model
from shared.engine.process.protocol import EngineError
from shared.engine.text.template import ChatTemplate

_ROUTER_LAYERS = r"(?:.*\.)?(?:gate|router|shared_expert_gate)(?:\..*)?"
_MODALITY_LAYERS = r"(?:.*\.)?(?:visual|vision_\w+|image_\w+|audio_\w+|multi_modal_projector)(?:\..*)?"
_MIN_BF16_PARAMETERS = 50_000_000
"""In smaller models on a CPU, converting between fp32 and bf16 costs more than bf16 products save."""


def load_trainable(spec: TrainingSpec, dtype: Dtype, ranks: Ranks = SINGLE_PROCESS) -> Any:
    """Load the model in training mode. Exactly the weights that `method` trains require gradients; they are fp32.

    Full training keeps fp32 master weights and computes in `dtype` by autocast, because small updates vanish in bf16
    weights. LoRA's frozen base is in `dtype`; QLoRA's in nf4 with double quantization (arXiv 2305.14314) or in int8
    (arXiv 2208.07339).
    """
    hyperparameters = spec.hyperparameters
    model = load_model(
        spec.model.model_dump(),
        dtype="float32" if hyperparameters.method == "full" else TORCH_DTYPES[dtype],
        quantization=hyperparameters.quantization or "nf4" if hyperparameters.method == "qlora" else None,
        device=_device(hyperparameters, ranks),
    )
    model.config.use_cache = True
    if hyperparameters.method != "full":
        model = with_adapters(model, hyperparameters, spec.model.name or Path(spec.model.path).name)
    if hyperparameters.gradient_checkpointing:
        model.gradient_checkpointing_enable({"use_reentrant": False})
    use_fused_kernels(model)
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
    lora = hyperparameters.lora or Lora()
    targets, excluded = lora_targets(model, lora.targets)
    config = LoraConfig(
        task_type="CAUSAL_LM",
        r=lora.rank,
        lora_alpha=lora.alpha,  # type: ignore[arg-type]  # any number will do
        lora_dropout=lora.dropout,
        use_rslora=lora.rslora,
        target_modules=targets,
        exclude_modules=excluded,
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
    linear = [name for name, module in model.named_modules() if isinstance(module, torch.nn.Linear)]
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
    targets = {name.split(".")[-1] for name in set(linear) - set(excluded)}
    return sorted(targets), f"{_ROUTER_LAYERS}|{_MODALITY_LAYERS}" if excluded else None


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
    """Resolve `auto`: bf16 or else fp16 on a GPU; on a CPU fp32, or bf16 for a large model if bf16 is faster here.

    Raises EngineError dtype_unsupported.
    """
    if torch.cuda.is_available():
        return requested if requested != "auto" else "bf16" if torch.cuda.is_bf16_supported() else "fp16"  # type: ignore[return-value]
    if requested == "fp16":
        raise EngineError("dtype_unsupported", "fp16 needs a GPU", field="dtype", remedy="use auto, bf16 or fp32")
    if requested == "auto":
        return "bf16" if parameters >= _MIN_BF16_PARAMETERS and _bf16_is_faster() else "fp32"
    return requested  # type: ignore[return-value]


def _bf16_is_faster() -> bool:
    """Whether this CPU multiplies matrices faster in bf16: several times slower if it lacks the instructions."""
    return time_matmul(torch.bfloat16) < 0.8 * time_matmul(torch.float32)


def time_matmul(dtype: torch.dtype, size: int = 768) -> float:
    """Seconds for a product of square matrices, the fastest of four: the first one includes the warm-up."""
    matrix = torch.ones(size, size, dtype=dtype)
    seconds = []
    for _ in range(4):
        started = time.perf_counter()
        matrix @ matrix
        seconds.append(time.perf_counter() - started)
    return min(seconds)


@torch.no_grad()
def packs_exactly(model: Any) -> bool:
    """Whether packed documents give the same logits as separate ones; tries it out.

    They do not in models with convolutions, recurrent state or an attention of their own.
    """
    model.eval()
    documents = [torch.arange(5, 12, device=model.device), torch.arange(3, 14, device=model.device)]
    separate = torch.cat([model(input_ids=ids[None], use_cache=False).logits[0] for ids in documents])
    try:
        with use_packed_attention(model):
            packed = model(
                input_ids=torch.cat(documents)[None],
                position_ids=torch.cat([torch.arange(len(ids), device=model.device) for ids in documents])[None],
                document_lengths=[len(ids) for ids in documents],
                use_cache=False,
            ).logits[0]
    except (NotImplementedError, TypeError):
        return False
    finally:
        model.train()
    tolerance = 1e-3 if separate.dtype == torch.float32 else 5e-2
    return bool((packed - separate).abs().max() <= tolerance * separate.abs().max())


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
