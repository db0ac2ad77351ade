"""Trials on the model at hand: which batch layouts give it the losses and gradients of separate documents.

No list of architectures says so: models with convolutions, recurrent states, chunks or an attention of their own mix
packed documents, and new ones appear with every release of transformers.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from services.training.engine.attention.packed import attention_for
from services.training.engine.data.batches import MicroBatch, Sample, collate
from services.training.engine.model.loss import loss_sum
from services.training.engine.model.parallelize import transformer_layers
from services.training.engine.spec import BatchLayout
from shared.engine.loading.context import context_length, ordinary_tokens, smallest_window
from shared.engine.process.protocol import EngineError

_SHORT_DOCUMENTS = (37, 12)
_LONG_DOCUMENT = 200
"""Tokens from which every kernel for long documents is in use (attention/cpu.py)."""
_BEYOND_WINDOW = 40
"""Tokens by which the long document exceeds a sliding window or chunk, if the data does."""
_LONGEST_PADDED = 1024
"""Tokens up to which the long document is tried in padded rows too, if it exceeds a window or chunk."""
_PROBE_KEPT, _PROBE_TAIL, _PROBE_OTHER = 5, 11, 24
"""Tokens of the document that a probe trains, of the same document's rest, and of each document beside it."""
_TOLERANCE, _HALF_TOLERANCE = 1e-3, 0.3
"""Largest relative difference between documents in a batch and one by one, of the loss and of the norm of the
gradients: in half precision other kernels round otherwise, by 0.14 in a model of 30 layers (SmolLM2-135M)."""
_INFLUENCE, _HALF_INFLUENCE, _REFUSED_INFLUENCE = 1e-4, 1e-3, 2e-2
"""Largest relative difference by tokens that a document must not see: in fp32; in half precision, to pack; in half
precision, before a layout that every model needs is refused.

The same kernels compute the same shapes, so a model that keeps documents separate gives the same bits. Only the experts
of a mixture get other numbers of tokens: up to 8e-7 in fp32, 1e-5 in bfloat16 (2.4e-3 in gpt-oss, which is not packed).
The smallest influence, in random models with weights of the usual size, is 3e-3 in fp32 and 6e-3 in bfloat16 between
documents (Falcon H1), and 2e-3 of later tokens (BERT in fp32); most are 0.1 and more.
The last limit refuses no mixture for its rounding, and models that are not causal once they have learned to use it:
three times the usual weights suffice."""


def exact_layouts(model: Any, longest: int, *, may_pack: bool = True) -> set[BatchLayout]:
    """The layouts in which several documents give the loss and gradients of separate ones.

    `longest` is the length of the longest document of the run, in tokens. Without `may_pack` only padded rows are
    tried. Raises EngineError `unsupported_architecture` if there is no such layout, or the model is not causal.
    """
    window = smallest_window(model.config) or 0
    long = min(longest, max(_LONG_DOCUMENT, window + _BEYOND_WINDOW), context_length(model.config))
    samples = [_sample(model, length, seed) for seed, length in enumerate((long, *_SHORT_DOCUMENTS))]
    padded = slice(0, 2) if 0 < window < long <= _LONGEST_PADDED else slice(1, None)
    model.eval()  # without dropout
    try:
        separate = _separate_steps(model, samples)
        exact: set[BatchLayout] = set()
        if _is_exact(model, samples[padded], separate[padded], "padded"):
            exact.add("padded")
        elif _influence(model, "padded", alone=True) > _largest_influence(model, "padded"):
            raise EngineError(
                "unsupported_architecture",
                "in a trial, later tokens changed the predictions of earlier ones: the model is not causal",
                remedy="Set is_decoder to true in config.json if the model has that field and its weights are those "
                "of a decoder; else choose another base model.",
            )
        if may_pack and _is_exact(model, samples, separate, "packed"):
            exact.add("packed")
    finally:
        model.train()
    if not exact:
        raise EngineError(
            "unsupported_architecture",
            "in a trial, several documents in a batch gave other losses than one by one",
            remedy="Choose another base model.",
        )
    return exact


def _sample(model: Any, length: int, seed: int) -> Sample:
    return Sample(ordinary_tokens(model.config, length, seed), torch.ones(length, dtype=torch.bool))


def _is_exact(model: Any, samples: Sequence[Sample], separate: Sequence[Sequence[Tensor]], layout: BatchLayout) -> bool:
    """Whether documents in this layout do not see each other, and give what they give one by one."""
    expected = [torch.stack(parts).sum(0) for parts in zip(*separate, strict=True)]
    try:
        if _influence(model, layout) > _largest_influence(model, layout):
            return False
        together = loss_and_gradients(model, collate(samples, layout), layout)
    except (NotImplementedError, TypeError, ValueError):  # the model's attention is its own, or takes no such inputs
        return False
    return relative_difference(expected, together) <= (_TOLERANCE if _is_single(model) else _HALF_TOLERANCE)


def _influence(model: Any, layout: BatchLayout, *, alone: bool = False) -> float:
    """How much the loss and gradients of a document's first tokens depend on tokens that they must not see.

    Those are later ones of the document, the documents before and after it (unless `alone`), and padding.
    """
    with _without_outlier_columns(model):
        return relative_difference(
            *(loss_and_gradients(model, _probe(model, layout, variant, alone), layout) for variant in range(2))
        )


def _probe(model: Any, layout: BatchLayout, variant: int, alone: bool) -> MicroBatch:
    """A micro-batch whose trained tokens are the same in every variant, and whose other tokens are not."""
    before, after, rest, padding = (
        _sample(model, count, 10 * variant + 10 + part)
        for part, count in enumerate((_PROBE_OTHER, _PROBE_OTHER, _PROBE_TAIL, 3 * _PROBE_OTHER))
    )
    ids = torch.cat([_sample(model, _PROBE_KEPT, 3).ids, rest.ids])
    document = Sample(ids, torch.arange(len(ids)) < _PROBE_KEPT)
    others = [replace(other, trained=torch.zeros_like(other.trained)) for other in (before, after)]
    batch = collate([document] if alone else [others[0], document, others[1]], layout)
    if layout == "padded":
        tokens, visible = batch.inputs["input_ids"], batch.inputs["attention_mask"].bool()
        tokens[~visible] = padding.ids[: int((~visible).sum())]
    return batch


@contextmanager
def _without_outlier_columns(model: Any) -> Iterator[None]:
    """Within the context, int8 layers round every column of their inputs.

    Else they multiply columns with an outlier in any row in half precision (arXiv 2208.07339), so that all rows depend
    on each other a little: by 0.13 of the gradients in SmolLM2-135M.
    """
    states = [layer.state for layer in model.modules() if hasattr(getattr(layer, "state", None), "threshold")]
    thresholds = [state.threshold for state in states]
    for state in states:
        state.threshold = 0.0
    try:
        yield
    finally:
        for state, threshold in zip(states, thresholds, strict=True):
            state.threshold = threshold


def _largest_influence(model: Any, layout: BatchLayout) -> float:
    return _INFLUENCE if _is_single(model) else _HALF_INFLUENCE if layout == "packed" else _REFUSED_INFLUENCE


def _is_single(model: Any) -> bool:
    """Whether the model computes in single precision; int8 weights are multiplied in half precision."""
    device = model.device.type
    dtype = torch.get_autocast_dtype(device) if torch.is_autocast_enabled(device) else model.dtype
    return dtype == torch.float32 and not getattr(model, "is_loaded_in_8bit", False)


def _separate_steps(model: Any, samples: Sequence[Sample]) -> list[list[Tensor]]:
    """Loss and gradients of each document alone. Raises EngineError `unsupported_architecture` if that fails."""
    try:
        return [loss_and_gradients(model, collate([sample], "padded"), "padded") for sample in samples]
    except (RuntimeError, KeyError) as error:  # bitsandbytes' layers in a model that reads weights directly
        if isinstance(error, torch.OutOfMemoryError) or "allocate memory" in str(error):
            raise
        quantized = getattr(model.config, "quantization_config", None) is not None
        raise EngineError(
            "unsupported_architecture",
            f"a trial step{' with quantized weights' if quantized else ''} failed: {str(error).splitlines()[0][:300]}",
            field="method" if quantized else None,
            remedy="Use the method lora or full." if quantized else "Choose another base model.",
        ) from error


def loss_and_gradients(model: Any, batch: MicroBatch, layout: BatchLayout) -> list[Tensor]:
    """The loss, and the gradients of the first layer's trained weights, which pass through all other layers."""
    trained = [weight for weight in _first_layer(model).parameters() if weight.requires_grad]
    weights = trained or [weight for weight in model.parameters() if weight.requires_grad][:1]
    with attention_for(model, layout):
        loss = loss_sum(model, batch.to(model.device))
    gradients = torch.autograd.grad(loss, weights, allow_unused=True)
    return [
        loss.detach(),
        *(g if g is not None else torch.zeros_like(w) for g, w in zip(gradients, weights, strict=True)),
    ]


def _first_layer(model: Any) -> Any:
    return next(iter(transformer_layers(model)), model)


def relative_difference(before: Sequence[Tensor], after: Sequence[Tensor]) -> float:
    """The larger relative difference: of the losses, which come first, or of the norm of all gradients."""

    def norm(tensors: Sequence[Tensor]) -> float:
        return math.hypot(*(float(torch.linalg.vector_norm(tensor.float())) for tensor in tensors))

    # The norm over all gradients: elements near zero have large relative errors of their own.
    differences = [one - other for one, other in zip(before, after, strict=True)]
    parts = [norm(differences[part]) / (norm(before[part]) or 1.0) for part in (slice(1), slice(1, None))]
    return max(parts) if all(map(math.isfinite, parts)) else math.inf
