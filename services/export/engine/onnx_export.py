"""Exports ONNX with a KV cache and dynamic shapes, tokenizer and model card; verified with onnxruntime.

By hand: `python -m services.export.engine.onnx_export spec.json`.
"""

import gc
import logging
import re
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from transformers import DynamicCache

from services.export.engine.finalize import finalize
from services.export.engine.onnx_session import OnnxModel
from services.export.engine.reference import Expected, run_tuned
from services.export.engine.runtimes import TOP_OF_EXPORT, run_prompts
from services.export.engine.tuned_model import StageReporter, open_model
from shared.engine.decoding.generate import decoding_mode
from shared.engine.loading.load import load_model
from shared.engine.process.protocol import Commands, EngineError, Reporter, run_from_shell

STAGES = ["loading the tuned model", "tracing to ONNX", "verifying with onnxruntime", "archiving"]
MODEL_FILE = "model.onnx"
DTYPE = "float32"
"""The only dtype that every onnxruntime provider supports."""
MAX_BATCH = 8
"""Prompts that are also answered as one batch."""
EXAMPLE_BATCH, EXAMPLE_NEW_TOKENS, EXAMPLE_PAST_TOKENS = 2, 3, 5
"""Shape of the example input. All sizes differ and none is 1: torch.export would take equal sizes for one dimension,
and 1 for a constant."""

_COLOUR = re.compile(r"\x1b\[[0-9;]*m")


def main(spec: dict[str, Any], reporter: Reporter, commands: Commands) -> dict[str, Any]:
    """Export the model of `spec` into `out`/files, verify and archive it. Returns the result of `finalize`."""
    stages = StageReporter(reporter, commands, STAGES)
    stages.next()
    tuned, folder = open_model(spec), Path(spec["out"]) / "files"
    folder.mkdir()
    expected = run_tuned(tuned, spec, reporter, dtype=DTYPE, device="cpu")
    stages.next()
    trace(load_model(tuned.reference, dtype=DTYPE, device="cpu"), folder)
    tuned.save_tokenizer(folder)
    gc.collect()
    stages.next()
    check = verify_onnx(folder, expected, reporter)
    stages.next()
    with reporter.span(STAGES[-1]):
        return finalize(spec, "onnx", tuned, folder, check)


class ModelWithCache(torch.nn.Module):
    """A model whose KV cache is a flat list of tensors: key and value of layer 0, of layer 1, and so on."""

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.model = model

    def forward(
        self, input_ids: Tensor, attention_mask: Tensor, position_ids: Tensor, past: Sequence[Tensor]
    ) -> tuple[Tensor, ...]:
        """Return the logits of the new tokens [batch, new, vocabulary], then the cache that includes them."""
        layers = list(zip(past[::2], past[1::2], strict=True))
        output = self.model(
            input_ids=input_ids,
            attention_mask=attention_mask,
            position_ids=position_ids,
            past_key_values=DynamicCache(ddp_cache_data=layers),
            use_cache=True,
        )
        present = [tensor for layer in output.past_key_values.layers for tensor in (layer.keys, layer.values)]
        return output.logits, *present


def trace(model: Any, folder: Path) -> None:
    """Write model.onnx and its external weights. Raises EngineError `onnx_unsupported`."""
    if decoding_mode(model) == "uncached":
        detail = "The cache of an ONNX model is keys and values; this model's layers keep other states."
        raise EngineError("onnx_unsupported", detail, remedy="Use the format torch.")
    if hasattr(model, "set_experts_implementation"):
        model.set_experts_implementation("batched_mm")  # the default one has no ONNX operator
    warnings.filterwarnings("ignore")
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    past = _example_cache(model)
    auto = torch.export.Dim.AUTO
    batch_and_length = {0: auto, 1: auto}
    names = [f"{layer}.{part}" for layer in range(len(past) // 2) for part in ("key", "value")]
    example = (
        torch.zeros(EXAMPLE_BATCH, EXAMPLE_NEW_TOKENS, dtype=torch.long),
        torch.ones(EXAMPLE_BATCH, EXAMPLE_PAST_TOKENS + EXAMPLE_NEW_TOKENS, dtype=torch.long),
        torch.arange(EXAMPLE_PAST_TOKENS, EXAMPLE_PAST_TOKENS + EXAMPLE_NEW_TOKENS).repeat(EXAMPLE_BATCH, 1),
        past,
    )
    try:
        program = torch.onnx.export(
            ModelWithCache(model).eval(),
            example,
            dynamo=True,
            dynamic_shapes=(batch_and_length, batch_and_length, batch_and_length, [{0: auto, 2: auto}] * len(past)),
            input_names=["input_ids", "attention_mask", "position_ids", *(f"past_key_values.{n}" for n in names)],
            output_names=["logits", *(f"present.{n}" for n in names)],
            verbose=False,
        )
    except Exception as error:
        detail = f"torch.onnx.export cannot convert this architecture: {_first_line(error)}"
        raise EngineError("onnx_unsupported", detail, remedy="Use the format torch.") from error
    assert program is not None
    program.save(str(folder / MODEL_FILE), external_data=True)


def _first_line(error: BaseException) -> str:
    """The first line of the innermost cause, without colours: the exporter wraps it into advice for its developers."""
    while error.__cause__ is not None:
        error = error.__cause__
    lines = _COLOUR.sub("", str(error)).strip().splitlines()
    return f"{type(error).__name__}: {lines[0][:300]}" if lines else type(error).__name__


@torch.no_grad()
def _example_cache(model: Any) -> list[Tensor]:
    """Return a cache of EXAMPLE_PAST_TOKENS tokens, made by the model itself: its shape depends on the architecture."""
    ids = torch.zeros(EXAMPLE_BATCH, EXAMPLE_PAST_TOKENS, dtype=torch.long)
    layers = model(input_ids=ids, use_cache=True).past_key_values.layers
    return [tensor for layer in layers for tensor in (layer.keys, layer.values)]


def verify_onnx(folder: Path, expected: Expected, reporter: Reporter) -> dict[str, Any]:
    """Verify row by row; the greedy answers of a batch padded on the left must equal those of single rows."""
    model = OnnxModel(folder / MODEL_FILE, expected.stop_ids)
    found = run_prompts(model, expected.prompts, TOP_OF_EXPORT, reporter.alive)
    batch = expected.prompts.ids[:MAX_BATCH]
    equal = model.greedy(batch) == found.answers[: len(batch)]
    faults = [] if equal else ["answers in a batch differ from single ones"]
    return {**expected.check(found, DTYPE, "onnxruntime on the CPU", faults), "batches": [1, len(batch)]}


if __name__ == "__main__":
    run_from_shell(main)
