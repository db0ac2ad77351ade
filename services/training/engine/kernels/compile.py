"""Decoder layers compiled by torch.compile (doi 10.1145/3620665.3640366), once a run has shown its first steps.

Compiling takes tens of CPU seconds, the same for any number of layers, since they share their code: only long runs earn
it. It is tried on made-up documents, always the same, and stays off where a trial does not agree. What was compiled
for the first of them is all that will be: what does not suit it goes the plain way, so that a resumed run computes what
this one would.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from transformers import AttentionInterface

from services.training.engine.attention import packed as attention
from services.training.engine.data.batches import MicroBatch, Sample, collate
from services.training.engine.distributed.parallelize import layers
from services.training.engine.model.loading import count_parameters, trainable
from services.training.engine.model.loss import loss_sum
from services.training.engine.spec import Hyperparameters

if TYPE_CHECKING:
    from services.training.engine.loop.prepare import Run

AFTER = 5
"""Steps that go the plain way, so that nobody waits for a compiler to see them."""
LONG = {"cpu": 3e14, "cuda": 3e16}
"""Operations of a run from which it is compiled unasked: half an hour or more of a core; on a GPU unmeasured."""
_DOCUMENTS = ((37, 24), (11, 53, 19))
"""Tokens of those that it is tried on: no size of a model is likely to be one of these, or a sum of them."""
_TOLERANCE = {"fp32": 1e-3, "bf16": 5e-2, "fp16": 5e-2}
"""Of the loss, and of gradients by their norms."""


def wanted(asked: Hyperparameters, model: Any, tokens: float) -> bool:
    """Whether to compile the layers of a run over so many tokens: as asked, else where it is long."""
    if asked.compile is not None:
        return asked.compile
    return 6 * count_parameters(model) * tokens >= LONG.get(model.device.type, math.inf)


def compile_when_due(run: Run) -> None:
    """Behind its first steps, or at once where a run goes on from behind them."""
    if run.settings.compiled and run.position.step >= AFTER and not _is_on(run.model):
        run.reporter.log("info", "compiling the layers: the next step waits for it")
        with run.reporter.span("compile"):
            reason = _compile(run)
        run.settings = run.settings.model_copy(update={"compiled": reason is None})
        level = "warning" if reason and run.hyperparameters.compile else "info"
        run.reporter.log(level, f"not compiled: {reason}" if reason else "the layers are compiled")


def _is_on(model: Any) -> bool:
    return any(layer._compiled_call_impl is not None for layer in layers(model))


def _compile(run: Run) -> str | None:
    """Compile the layers; where that fails, or computes differently, undo it and say why."""
    if run.ranks.size > 1:
        return "several processes train together"
    if run.hyperparameters.gradient_checkpointing:
        return "activations are computed anew, which torch does not allow by other code than before"
    if not any(True for _ in layers(run.model)):
        return "the model does not name its layers"
    batches = [_made_up(run, lengths) for lengths in _DOCUMENTS]
    plain = [_learned(run, batch) for batch in batches]
    try:
        _switch_on(run.model)
        found = [_learned(run, batches[0])]
        torch.compiler.set_stance("eager_on_recompile")
        found.append(_learned(run, batches[1]))
    except Exception as error:
        _switch_off(run.model)
        return f"{type(error).__name__} {error}".splitlines()[0]
    if max(map(apart, plain, found)) > _TOLERANCE[run.settings.dtype]:
        _switch_off(run.model)
        return "a trial did not agree with the plain layers"
    return None


def _made_up(run: Run, lengths: Sequence[int]) -> MicroBatch:
    vocabulary = run.model.get_input_embeddings().weight.shape[0]
    ids = [torch.arange(7, 7 + length) % vocabulary for length in lengths]
    samples = [Sample(tokens, torch.ones(len(tokens), dtype=torch.bool)) for tokens in ids]
    return collate(samples, run.settings.layout).to(run.accelerator.device)


def _learned(run: Run, batch: MicroBatch) -> list[Tensor]:
    """The loss, and the gradients of what is trained in the first layer, which come through all others."""
    weights = list(trainable(next(iter(layers(run.model)))).values()) or list(trainable(run.model).values())[:1]
    with attention.attention_for(run.model, run.settings.layout), run.accelerator.autocast():
        loss = loss_sum(run.model, batch)
    return [loss.detach(), *torch.autograd.grad(loss, weights)]


def apart(before: Sequence[Tensor], after: Sequence[Tensor]) -> float:
    """The larger relative difference: of the losses, which come first, or of all gradients together."""

    def norm(tensors: Sequence[Tensor]) -> float:
        return math.hypot(*(float(torch.linalg.vector_norm(tensor.float())) for tensor in tensors))

    differences = [one - other for one, other in zip(before, after, strict=True)]
    parts = [norm(differences[part]) / (norm(before[part]) or 1.0) for part in (slice(1), slice(1, None))]
    return max(parts) if all(map(math.isfinite, parts)) else math.inf


def _switch_on(model: Any) -> None:
    import torch._inductor.config as inductor

    inductor.compile_threads = 1  # else processes are left that outlive nothing but us
    AttentionInterface.register(attention.NAME, torch.compiler.disable(_of_opaque))
    model._opaque = model.register_forward_pre_hook(_make_opaque, with_kwargs=True)
    for layer in layers(model):
        layer.compile(dynamic=True)


def _switch_off(model: Any) -> None:
    for layer in layers(model):
        layer._compiled_call_impl = None
    if opaque := getattr(model, "_opaque", None):
        opaque.remove()
    AttentionInterface.register(attention.NAME, attention.ragged_attention)


class _Opaque:
    """Lengths that a compiler does not look into, or it would compile anew for every number of documents."""

    def __init__(self, lengths: Sequence[int]) -> None:
        self.lengths = lengths


def _make_opaque(_: Any, args: tuple[Any, ...], inputs: dict[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
    if "document_lengths" in inputs:
        inputs = {**inputs, "document_lengths": _Opaque(inputs["document_lengths"])}
    return args, inputs


def _of_opaque(*args: Any, document_lengths: _Opaque | Sequence[int], **options: Any) -> tuple[Tensor, None]:
    lengths = document_lengths.lengths if isinstance(document_lengths, _Opaque) else document_lengths
    return attention.ragged_attention(*args, document_lengths=lengths, **options)
