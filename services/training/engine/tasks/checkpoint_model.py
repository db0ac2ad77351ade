"""Writes the model that a job would have delivered at one of its checkpoints, with the same bits."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import BaseModel
from transformers import GenerationConfig

from services.training.engine.loop.checkpoint import Checkpoint, read_weights_of, restore_weights
from services.training.engine.model import loading
from services.training.engine.spec import Hyperparameters, ModelRef
from shared.engine.loading.load import load_model, load_outline
from shared.engine.process.protocol import Commands, EngineError, Reporter, run_from_shell
from shared.engine.text.template import ChatTemplate
from shared.engine.text.tokenizer import load_tokenizer


class CheckpointSpec(BaseModel):
    """A checkpoint's folder, the model that was trained, the job's hyperparameters, and where the model is written."""

    checkpoint: str
    model: ModelRef
    hyperparameters: Hyperparameters
    output: str


def main(spec: dict[str, Any], reporter: Reporter, commands: Commands) -> dict[str, Any]:
    """Write the model; return its path, and what the manifest of a delivered model has.

    The optimizer is not read. Raises EngineError `checkpoint_damaged` and `checkpoint_mismatch`.
    """
    request = CheckpointSpec.model_validate(spec)
    checkpoint = read_weights_of(Path(request.checkpoint))
    tokenizer = load_tokenizer(request.model.model_dump())
    template = ChatTemplate.of(tokenizer)
    if checkpoint.settings.template_hash != template.hash:
        raise EngineError("checkpoint_mismatch", "the tokenizer or its template has changed since the checkpoint")
    full = request.hyperparameters.method == "full"
    model = _trained(request, checkpoint) if full else _adapter_outline(request)
    loading.save_model(model, tokenizer, template, Path(request.output), None if full else checkpoint.weights)
    state, settings = checkpoint.state, checkpoint.settings
    return {
        "path": request.output,
        "steps": state.step,
        "best_step": state.step,
        "metrics": state.losses(),
        "parameters": loading.count_parameters(model),
        "trainable_parameters": sum(weight.numel() for weight in checkpoint.weights.values()),
        "template_hash": template.hash,
        "max_length": settings.max_length,
        "dtype": settings.dtype,
        "threads": settings.threads,
    }


def _trained(request: CheckpointSpec, checkpoint: Checkpoint) -> Any:
    """The fully trained model in main memory: GPUs belong to the jobs that run."""
    changes = loading.without_dropout(request.model)
    model = load_model(request.model.model_dump(), dtype="float32", device="cpu", config_changes=changes)
    model.config.use_cache = True
    restore_weights(checkpoint.weights, loading.trainable(model))
    loading.cast_for_delivery(model, checkpoint.settings.dtype)
    return model


def _adapter_outline(request: CheckpointSpec) -> Any:
    """The adapter's layers over a base model without weights, which would take gigabytes and change nothing."""
    root = request.model
    while root.base is not None:
        root = root.base
    model = load_outline(Path(root.path))
    if (Path(root.path) / "generation_config.json").exists():
        model.generation_config = GenerationConfig.from_pretrained(root.path, local_files_only=True)
    unquantized = request.hyperparameters.model_copy(update={"method": "lora"})
    return loading.with_adapters(model, unquantized, request.model.name or Path(request.model.path).name)


if __name__ == "__main__":
    run_from_shell(main)
