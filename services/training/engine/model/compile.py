"""Decoder layers compiled by torch.compile (doi 10.1145/3620665.3640366) after the first steps of a run.

Compiling takes tens of CPU seconds, however many layers there are, because they share their code; only long runs gain.
A trial on fixed synthetic documents compares loss and gradients with the eager layers, and compilation is undone where
they differ. Inputs that do not suit the code compiled in the trial run eagerly, so a resumed run computes the same.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from accelerate import Accelerator
from torch import Tensor
from transformers import AttentionInterface

from services.training.engine.attention import packed
from services.training.engine.data.batches import MicroBatch, Sample, collate
from services.training.engine.distributed.ranks import Ranks
from services.training.engine.model.loading import count_parameters, trainable
from services.training.engine.model.loss import loss_sum
from services.training.engine.model.parallelize import transformer_layers
from services.training.engine.spec import BatchLayout, Hyperparameters, Settings

START_STEP = 5
"""Steps taken before compiling, so that the first metrics do not wait for the compiler."""
COMPILE_ABOVE_OPERATIONS = {"cpu": 3e14, "cuda": 3e16}
"""Floating-point operations of a run above which it is compiled by default: half an hour or more of one core. The
value for GPUs is not measured."""
_TRIAL_DOCUMENTS = ((37, 24), (11, 53, 19))
"""Document lengths (tokens) of the two trial batches; they and their sums are unlikely to equal a model dimension."""
_TOLERANCE = {"fp32": 1e-3, "bf16": 5e-2, "fp16": 5e-2}
"""Largest relative difference of the loss, and of the norm of the gradients."""


def should_compile(hyperparameters: Hyperparameters, model: Any, tokens: float) -> bool:
    """Whether to compile the layers of a run over `tokens` tokens: as requested, or by default if the run is long."""
    if hyperparameters.compile is not None:
        return hyperparameters.compile
    # 6 operations a parameter and token: 2 forward, 4 backward (arXiv 2001.08361, section 2.1).
    return 6 * count_parameters(model) * tokens >= COMPILE_ABOVE_OPERATIONS.get(model.device.type, math.inf)


def is_compiled(model: Any) -> bool:
    """Whether the layers of `model` are compiled."""
    return any(layer._compiled_call_impl is not None for layer in transformer_layers(model))


def compile_layers(
    model: Any, settings: Settings, hyperparameters: Hyperparameters, accelerator: Accelerator, ranks: Ranks
) -> str | None:
    """Compile the layers; if that fails or gives different numbers, undo it and return the reason."""
    if ranks.size > 1:
        return "the run has several processes"
    if hyperparameters.gradient_checkpointing:
        return "gradient checkpointing must recompute activations with the code that computed them first"
    if not any(True for _ in transformer_layers(model)):
        return "the model does not name its layers"
    batches = [_trial_batch(model, lengths, settings.layout).to(accelerator.device) for lengths in _TRIAL_DOCUMENTS]
    eager = [_loss_and_gradients(model, batch, settings.layout, accelerator) for batch in batches]
    try:
        _enable(model)
        compiled = [_loss_and_gradients(model, batches[0], settings.layout, accelerator)]
        # What the first batch compiled is all there will be: a resumed run must not compile other code.
        torch.compiler.set_stance("eager_on_recompile")
        compiled.append(_loss_and_gradients(model, batches[1], settings.layout, accelerator))
    except Exception as error:
        _disable(model)
        return f"{type(error).__name__} {error}".splitlines()[0]
    if max(map(relative_difference, eager, compiled)) > _TOLERANCE[settings.dtype]:
        _disable(model)
        return "in a trial, the compiled layers computed other numbers"
    return None


def _trial_batch(model: Any, lengths: Sequence[int], layout: BatchLayout) -> MicroBatch:
    vocabulary = model.get_input_embeddings().weight.shape[0]
    ids = [torch.arange(7, 7 + length) % vocabulary for length in lengths]
    return collate([Sample(tokens, torch.ones(len(tokens), dtype=torch.bool)) for tokens in ids], layout)


def _loss_and_gradients(model: Any, batch: MicroBatch, layout: BatchLayout, accelerator: Accelerator) -> list[Tensor]:
    """The loss, and the gradients of the first layer's trained weights, which pass through all other layers."""
    weights = list(trainable(next(iter(transformer_layers(model)))).values()) or list(trainable(model).values())[:1]
    with packed.attention_for(model, layout), accelerator.autocast():
        loss = loss_sum(model, batch)
    return [loss.detach(), *torch.autograd.grad(loss, weights)]


def relative_difference(before: Sequence[Tensor], after: Sequence[Tensor]) -> float:
    """The larger relative difference: of the losses, which come first, or of the norm of all gradients."""

    def norm(tensors: Sequence[Tensor]) -> float:
        return math.hypot(*(float(torch.linalg.vector_norm(tensor.float())) for tensor in tensors))

    # The norm over all gradients: elements near zero have large relative errors of their own.
    differences = [one - other for one, other in zip(before, after, strict=True)]
    parts = [norm(differences[part]) / (norm(before[part]) or 1.0) for part in (slice(1), slice(1, None))]
    return max(parts) if all(map(math.isfinite, parts)) else math.inf


def _enable(model: Any) -> None:
    import torch._inductor.config as inductor

    inductor.compile_threads = 1  # a pool of compiler processes would stay for the life of the engine
    AttentionInterface.register(packed.NAME, torch.compiler.disable(_attention_on_wrapped_lengths))
    model._wrap_lengths_hook = model.register_forward_pre_hook(_wrap_lengths, with_kwargs=True)
    for layer in transformer_layers(model):
        layer.compile(dynamic=True)


def _disable(model: Any) -> None:
    for layer in transformer_layers(model):
        layer._compiled_call_impl = None
    if hook := getattr(model, "_wrap_lengths_hook", None):
        hook.remove()
    AttentionInterface.register(packed.NAME, packed.packed_attention)


class _OpaqueLengths:
    """Document lengths that the compiler cannot see; otherwise it would recompile for every number of documents."""

    def __init__(self, lengths: Sequence[int]) -> None:
        self.lengths = lengths


def _wrap_lengths(_: Any, args: tuple[Any, ...], inputs: dict[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
    if "document_lengths" in inputs:
        inputs = {**inputs, "document_lengths": _OpaqueLengths(inputs["document_lengths"])}
    return args, inputs


def _attention_on_wrapped_lengths(
    *args: Any, document_lengths: _OpaqueLengths | Sequence[int], **options: Any
) -> tuple[Tensor, None]:
    lengths = document_lengths.lengths if isinstance(document_lengths, _OpaqueLengths) else document_lengths
    return packed.packed_attention(*args, document_lengths=lengths, **options)
