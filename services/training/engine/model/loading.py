"""The model to train: loaded in the right precision, with adapters on the right layers; and the folder it ends in."""

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

_ROUTER = r"(?:.*\.)?(?:gate|router|shared_expert_gate)(?:\..*)?"
_TOWER = r"(?:.*\.)?(?:visual|vision_\w+|image_\w+|audio_\w+|multi_modal_projector)(?:\..*)?"
_WORTH_BF16 = 50_000_000
"""Parameters from which half precision on a CPU can pay for its conversions."""


def load_trainable(spec: TrainingSpec, dtype: Dtype, ranks: Ranks = SINGLE_PROCESS) -> Any:
    """The model in training mode with exactly the weights that `method` trains requiring gradients, all of them fp32.

    Full training keeps fp32 masters and computes in `dtype` by autocast: small updates vanish in bf16 weights.
    For LoRA the frozen base is in `dtype`, for QLoRA in nf4 with double quantization
    (arXiv 2305.14314), or in int8 (arXiv 2208.07339).
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
    """Alone: all GPUs there are. A process among others has one, and what is to be parted may be too large for it."""
    if ranks.size == 1:
        return "auto"
    return "cuda" if torch.cuda.is_available() and hyperparameters.strategy == "ddp" else "cpu"


def with_adapters(model: Any, hyperparameters: Hyperparameters, name: str) -> Any:
    """The model with untrained adapters, over frozen weights; they will name their base `name`."""
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
    """Keep bitsandbytes' layers from repacking themselves in eval mode, on CPUs with AVX512-BF16.

    They stay repacked in training, where that layout's kernel has no backward: no gradient would pass the base.
    """
    for module in model.modules():
        if hasattr(module, "support_avx512bf16_for_cpu"):
            module.support_avx512bf16_for_cpu = False


def lora_targets(model: Any, wanted: Sequence[str] | str) -> tuple[list[str], str | None]:
    """Names of the linear layers to adapt, and a pattern of those to leave alone although they bear such a name.

    "all-linear" leaves out the output head, routers of mixtures of experts (training them unbalances the experts)
    and the towers of other modalities.
    """
    linear = [name for name, module in model.named_modules() if isinstance(module, torch.nn.Linear)]
    if wanted != "all-linear":
        unknown = [w for w in wanted if not any(n == w or n.endswith(f".{w}") for n, _ in model.named_modules())]
        if unknown:
            raise EngineError(
                "unknown_lora_targets",
                f"the model has no layer named {', '.join(unknown)}",
                field="lora.targets",
                remedy=f'use "all-linear" or some of: {", ".join(sorted({n.split(".")[-1] for n in linear}))}',
            )
        return list(wanted), None
    head = model.get_output_embeddings()
    linear = [name for name in linear if model.get_submodule(name) is not head]
    left_out = [name for name in linear if re.fullmatch(_ROUTER, name) or re.fullmatch(_TOWER, name)]
    targets = {name.split(".")[-1] for name in set(linear) - set(left_out)}
    return sorted(targets), f"{_ROUTER}|{_TOWER}" if left_out else None


def trainable(model: Any) -> dict[str, Tensor]:
    """The weights that are trained, by name."""
    return {name: weight for name, weight in model.named_parameters() if weight.requires_grad}


def count_parameters(model: Any) -> int:
    """Parameters of the whole model; nf4 packs two into a byte."""
    return sum(w.numel() * (2 if type(w).__name__ == "Params4bit" else 1) for w in model.parameters())


def size_of(ref: ModelRef) -> int:
    """Parameters of a model on disk, read from the headers of its safetensors files."""
    if ref.base is not None:
        return size_of(ref.base)
    return weight_files.count_parameters(Path(ref.path))


def choose_dtype(asked: str, parameters: int) -> Dtype:
    """`auto`: bf16 on a GPU that has it, else fp16; on a CPU fp32 unless the model is large and bf16 is faster here."""
    if torch.cuda.is_available():
        return asked if asked != "auto" else "bf16" if torch.cuda.is_bf16_supported() else "fp16"  # type: ignore[return-value]
    if asked == "fp16":
        raise EngineError("dtype_unsupported", "fp16 needs a GPU", field="dtype", remedy="use auto, bf16 or fp32")
    if asked == "auto":
        return "bf16" if parameters >= _WORTH_BF16 and _bf16_is_faster() else "fp32"
    return asked  # type: ignore[return-value]


def _bf16_is_faster() -> bool:
    """Whether this CPU multiplies bf16 matrices faster; without instructions for it, it is several times slower."""
    return seconds_of_product(torch.bfloat16) < 0.8 * seconds_of_product(torch.float32)


def seconds_of_product(dtype: torch.dtype, size: int = 768) -> float:
    """The quickest of four products of square matrices."""
    matrix = torch.ones(size, size, dtype=dtype)
    seconds = []
    for _ in range(4):
        started = time.perf_counter()
        matrix @ matrix
        seconds.append(time.perf_counter() - started)
    return min(seconds)


@torch.no_grad()
def packs_exactly(model: Any) -> bool:
    """Whether documents laid end to end give what each gives alone, found out by trying.

    Models with state of another kind (convolutions, recurrences) or attention of their own kind do not.
    """
    model.eval()
    documents = [torch.arange(5, 12, device=model.device), torch.arange(3, 14, device=model.device)]
    alone = torch.cat([model(input_ids=ids[None], use_cache=False).logits[0] for ids in documents])
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
    tolerance = 1e-3 if alone.dtype == torch.float32 else 5e-2
    return bool((packed - alone).abs().max() <= tolerance * alone.abs().max())


def cast_for_delivery(model: Any, dtype: Dtype) -> None:
    """Cast full weights to the precision of their evaluations: bf16 for bf16 training; fp16 keeps its fp32 masters."""
    if dtype == "bf16" and not hasattr(model, "peft_config"):
        model.to(torch.bfloat16)


def save_model(
    model: Any, tokenizer: Any, template: ChatTemplate, folder: Path, state: Mapping[str, Tensor] | None = None
) -> None:
    """Write an adapter folder (peft) or full safetensors, with the tokenizer, template and every end token.

    `state` are the whole weights where the model itself has only a part of them.
    """
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer.chat_template = template.source
    generation = model.generation_config
    generation.eos_token_id = template.stop_ids
    if any(getattr(generation, name, None) is not None for name in ("temperature", "top_p", "top_k")):
        generation.do_sample = True  # or saving a base's sampling defaults is refused
    if hasattr(model, "peft_config"):
        model.save_pretrained(folder, save_embedding_layers=False, state_dict=state)
        (folder / "README.md").unlink(missing_ok=True)  # peft's form of a model card, with nothing filled in
        generation.save_pretrained(folder)
    else:
        model.save_pretrained(folder, state_dict=state)
    tokenizer.save_pretrained(folder)
