"""What the tuned model answers, which an export is compared with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from services.export.engine.prompts import MAX_PROMPTS, MAX_PROMPTS_OF_LARGE_MODELS, Prompts, read_prompts
from services.export.engine.runtimes import TOP_OF_EXPORT, TOP_OF_TUNED, Outputs, TorchRuntime, run_prompts
from services.export.engine.tuned_model import MAX_FLOAT32_PARAMETERS, TunedModel
from services.export.engine.verification import compare, differences
from shared.engine.decoding.generate import context_length
from shared.engine.loading.load import Device, load_model
from shared.engine.process.protocol import Reporter


@dataclass(frozen=True)
class Expected:
    """The tuned model's outputs to the prompts of the check."""

    prompts: Prompts
    outputs: Outputs
    stop_ids: Sequence[int]
    on_quantized_base: Outputs | None = None
    """Of a QLoRA adapter, over the quantized base that it was trained on; exports are over the full base."""

    def check(self, found: Outputs, dtype: str, method: str, faults: Sequence[str] = ()) -> dict[str, Any]:
        """Compare an export's outputs with these: the `check` of the manifest."""
        check = compare(self.outputs, found, self.prompts, dtype, method, faults)
        if self.on_quantized_base:
            check["quantized_base"] = differences(self.on_quantized_base, found)
        return check


def run_tuned(
    tuned: TunedModel, spec: dict[str, Any], reporter: Reporter, *, dtype: str | None = None, device: Device = "auto"
) -> Expected:
    """Run the tuned model with a separate adapter, and unload it; a QLoRA adapter also over its quantized base."""
    model = load_model(tuned.reference, dtype=dtype or tuned.dtype, device=device, merge=False)
    limit = MAX_PROMPTS if tuned.parameters <= MAX_FLOAT32_PARAMETERS else MAX_PROMPTS_OF_LARGE_MODELS
    prompts = read_prompts(spec.get("held_out"), tuned.template, context_length(model), limit)
    stop_ids = tuned.template.stop_ids
    outputs = run_prompts(TorchRuntime(model, stop_ids), prompts, TOP_OF_TUNED, reporter.alive)
    if spec["manifest"].get("method") != "qlora":
        return Expected(prompts, outputs, stop_ids)
    del model
    used: Any = (spec["manifest"].get("provenance") or {}).get("hyperparameters", {}).get("quantization") or "nf4"
    model = load_model(tuned.reference, dtype=tuned.dtype, device=device, merge=False, quantization=used)
    quantized = run_prompts(TorchRuntime(model, stop_ids), prompts, TOP_OF_TUNED, reporter.alive)
    return Expected(prompts, outputs, stop_ids, quantized)


def verify_reloaded(model: Any, expected: Expected, method: str, dtype: str, reporter: Reporter) -> dict[str, Any]:
    """Compare a model that transformers or peft has loaded from the exported files."""
    found = run_prompts(TorchRuntime(model, expected.stop_ids), expected.prompts, TOP_OF_EXPORT, reporter.alive)
    return expected.check(found, dtype, method)
