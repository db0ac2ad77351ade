"""Merged safetensors with tokenizer, template, generation config and model card; checked by loading them again.

By hand: `python -m services.export.engine.torch_export spec.json`.
"""

from pathlib import Path
from typing import Any

import torch
from transformers import GenerationConfig

from services.export.engine.checking import Expected
from services.export.engine.delivery import deliver
from services.export.engine.source import Source, Stages, open_source
from shared.engine.decoding.generate import context_length
from shared.engine.loading.load import load_model
from shared.engine.process.protocol import Commands, Reporter, run_from_shell

STAGES = ["loading the tuned model", "merging", "checking the files", "packing"]


def main(spec: dict[str, Any], reporter: Reporter, commands: Commands) -> dict[str, Any]:
    """Export as `spec` says into `out`/files, checked and packed; the result is `deliver`'s."""
    stages = Stages(reporter, commands, STAGES)
    stages.next()
    source, folder = open_source(spec), Path(spec["out"]) / "files"
    expected = Expected.of(source.tuned(), source.template)
    stages.next()
    dtype = save_merged(source, folder)
    stages.next()
    again = load_model({"path": str(folder), "kind": "full", "base": None}, dtype=source.dtype)
    check = expected.check_reloaded(again, "reloaded with transformers", dtype)
    stages.next()
    with reporter.span(STAGES[-1]):
        return deliver(spec, "torch", source, folder, check)


def save_merged(source: Source, folder: Path) -> str:
    """Write weights, configs and tokenizer; the dtype of the weights."""
    model = source.merged()
    dtype = source.stored_dtype if source.reference["kind"] == "full" else source.dtype
    model.generation_config = generation_config(source, model)
    model.to(getattr(torch, dtype)).save_pretrained(folder)
    source.save_tokenizer(folder)
    return dtype


def generation_config(source: Source, model: Any) -> GenerationConfig:
    """Stops at every end token of the template; `generate` without a limit may fill the context."""
    return GenerationConfig(
        eos_token_id=source.template.stop_ids,
        pad_token_id=source.tokenizer.pad_token_id,
        bos_token_id=source.tokenizer.bos_token_id,
        max_length=context_length(model),
    )


if __name__ == "__main__":
    run_from_shell(main)
