"""ONNX with a KV cache, dynamic batch and lengths, beside tokenizer and model card; checked with onnxruntime.

By hand: `python -m services.export.engine.onnx_export spec.json`.
"""

import gc
import logging
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from transformers import DynamicCache

from services.export.engine.checking import Expected
from services.export.engine.delivery import deliver
from services.export.engine.onnx_session import OnnxModel
from services.export.engine.source import Stages, open_source
from shared.engine.loading.load import load_model
from shared.engine.process.protocol import Commands, EngineError, Reporter, run_from_shell

STAGES = ["loading the tuned model", "tracing to ONNX", "checking with onnxruntime", "packing"]
FILE = "model.onnx"
DTYPE = "float32"
"""What every onnxruntime can run."""
ROWS, NEW, PAST = 2, 3, 5
"""Sizes of the example that is traced, all different and none of them 1, which the tracer would take for constants."""


def main(spec: dict[str, Any], reporter: Reporter, commands: Commands) -> dict[str, Any]:
    """Export as `spec` says into `out`/files, checked and packed; the result is `deliver`'s."""
    stages = Stages(reporter, commands, STAGES)
    stages.next()
    source, folder = open_source(spec), Path(spec["out"]) / "files"
    folder.mkdir()
    expected = Expected.of(load_model(source.reference, dtype=DTYPE, device="cpu", merge=False), source.template)
    stages.next()
    trace(load_model(source.reference, dtype=DTYPE, device="cpu"), folder)
    source.save_tokenizer(folder)
    gc.collect()
    stages.next()
    check = check_onnx(folder, expected)
    stages.next()
    with reporter.span(STAGES[-1]):
        return deliver(spec, "onnx", source, folder, check)


class Cached(torch.nn.Module):
    """The model with its cache as plain tensors: key and value of each layer, one after the other."""

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.model = model

    def forward(
        self, input_ids: Tensor, attention_mask: Tensor, position_ids: Tensor, past: Sequence[Tensor]
    ) -> tuple[Tensor, ...]:
        """Logits of the new tokens, then the cache that now holds them too."""
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
    """Write model.onnx and its weights beside it. Raises EngineError `onnx_unsupported`."""
    warnings.filterwarnings("ignore")
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    past = _cache(model)
    auto = torch.export.Dim.AUTO
    batch_and_length = {0: auto, 1: auto}
    names = [f"{layer}.{part}" for layer in range(len(past) // 2) for part in ("key", "value")]
    example = (
        torch.zeros(ROWS, NEW, dtype=torch.long),
        torch.ones(ROWS, PAST + NEW, dtype=torch.long),
        torch.arange(PAST, PAST + NEW).repeat(ROWS, 1),
        past,
    )
    try:
        program = torch.onnx.export(
            Cached(model).eval(),
            example,
            dynamo=True,
            dynamic_shapes=(batch_and_length, batch_and_length, batch_and_length, [{0: auto, 2: auto}] * len(past)),
            input_names=["input_ids", "attention_mask", "position_ids", *(f"past_key_values.{n}" for n in names)],
            output_names=["logits", *(f"present.{n}" for n in names)],
            verbose=False,
        )
    except Exception as error:
        detail = f"torch.onnx.export cannot trace this architecture: {str(error).splitlines()[0][:300]}"
        raise EngineError("onnx_unsupported", detail, remedy="Export it as torch.") from error
    assert program is not None
    program.save(str(folder / FILE), external_data=True)


@torch.no_grad()
def _cache(model: Any) -> list[Tensor]:
    """A cache of PAST tokens, its shape found by asking the model."""
    ids = torch.zeros(ROWS, PAST, dtype=torch.long)
    layers = model(input_ids=ids, use_cache=True).past_key_values.layers
    return [tensor for layer in layers for tensor in (layer.keys, layer.values)]


def check_onnx(folder: Path, expected: Expected) -> dict[str, Any]:
    """Logits row by row; greedy answers row by row, and of all rows as one batch padded on the left."""
    model = OnnxModel(folder / FILE)
    logits = [model.logits(row) for row in expected.prompts]
    alone = [answer for row in expected.prompts for answer in model.greedy([row], expected.stop_ids)]
    together = model.greedy(expected.prompts, expected.stop_ids)
    check = expected.verdict("onnxruntime on the CPU", logits, [alone, together], DTYPE)
    return {**check, "batches": [1, len(expected.prompts)]}


if __name__ == "__main__":
    run_from_shell(main)
