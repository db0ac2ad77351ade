"""Exports merged safetensors with tokenizer, chat template, generation config and model card; verified by reloading.

By hand: `python -m services.export.engine.torch_export spec.json`.
"""

from pathlib import Path
from typing import Any

import torch

from services.export.engine.finalize import finalize
from services.export.engine.reference import run_tuned, verify_reloaded
from services.export.engine.tuned_model import StageReporter, TunedModel, make_generation_config, open_model
from shared.engine.loading.load import load_model
from shared.engine.process.protocol import Commands, Reporter, run_from_shell

STAGES = ["loading the tuned model", "merging", "verifying the files", "archiving"]


def main(spec: dict[str, Any], reporter: Reporter, commands: Commands) -> dict[str, Any]:
    """Export the model of `spec` into `out`/files, verify and archive it. Returns the result of `finalize`."""
    stages = StageReporter(reporter, commands, STAGES)
    stages.next()
    tuned, folder = open_model(spec), Path(spec["out"]) / "files"
    expected = run_tuned(tuned, spec, reporter)
    stages.next()
    dtype = save_merged(tuned, folder)
    stages.next()
    reloaded = load_model({"path": str(folder), "kind": "full", "base": None}, dtype=tuned.dtype)
    check = verify_reloaded(reloaded, expected, "reloaded with transformers", dtype, reporter)
    stages.next()
    with reporter.span(STAGES[-1]):
        return finalize(spec, "torch", tuned, folder, check)


def save_merged(tuned: TunedModel, folder: Path) -> str:
    """Write weights, configs and tokenizer. Return the dtype of the weights."""
    model = tuned.load_merged()
    dtype = tuned.stored_dtype if tuned.reference["kind"] == "full" else tuned.dtype
    model.generation_config = make_generation_config(tuned, model)
    model.to(getattr(torch, dtype)).save_pretrained(folder)
    tuned.save_tokenizer(folder)
    return dtype


if __name__ == "__main__":
    run_from_shell(main)
