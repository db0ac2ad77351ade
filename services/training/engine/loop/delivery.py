"""The result of a training run: the trained model with its provenance, or a checkpoint if it was interrupted."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from services.training.engine.loop.checkpoint import load_weights, restore_weights, save_checkpoint
from services.training.engine.loop.provenance import describe_origin
from services.training.engine.loop.reproduction import compare_weights
from services.training.engine.loop.state import Run
from services.training.engine.loop.stopping import StopReason
from services.training.engine.loop.warnings import warn_about_result
from services.training.engine.model import loading
from services.training.engine.model.parallelize import gather_full_model


def deliver(run: Run, reason: StopReason) -> dict[str, Any]:
    """Write the model with the lowest validation loss, or the last one if there is no validation split."""
    state, settings = run.state, run.settings
    if state.best_step not in (None, state.step):
        restore_weights(load_weights(run.best_weights), loading.trainable(run.model))
    trained = sum(weight.numel() for weight in loading.trainable(run.model).values())
    loading.cast_for_delivery(run.model, settings.dtype)
    weights = gather_full_model(run.model)
    if run.ranks.is_main:
        loading.save_model(run.model, run.tokenizer, run.template, Path(run.spec.output), weights)
    comparison = {}
    if run.ranks.is_main and run.spec.reproduces:
        comparison = _compare_with_original(run, run.spec.reproduces)
    chosen = state.step if state.best_step is None else state.best_step
    why = "there is no validation split" if state.best_step is None else "they have the lowest validation loss"
    warn_about_result(run, reason, chosen)
    message = f"{reason.message} (step {state.step}); delivered the weights of step {chosen}: {why}"
    run.reporter.log("warning" if reason.remedy else "info", message)
    return {
        "stopped": False,
        "path": run.spec.output,
        "steps": state.step,
        "best_step": chosen,
        "ended": reason.code,
        "metrics": state.losses(),
        "template_hash": settings.template_hash,
        "parameters": loading.count_parameters(run.model),
        "trainable_parameters": trained,
        "max_length": settings.max_length,
        "dtype": settings.dtype,
        "threads": settings.threads,
        "provenance": provenance(run),
        **comparison,
    }


def _compare_with_original(run: Run, original: str) -> dict[str, Any]:
    """The comparison of the weights; without one, after a warning, the job still delivers its model."""
    try:
        return {"reproduction": compare_weights(Path(original), Path(run.spec.output), run.reporter)}
    except Exception as error:
        run.reporter.log("warning", f"The weights could not be compared with the original's: {error}")
        return {}


def stop_early(run: Run | None, op: str) -> dict[str, Any]:
    """End as the service requested: for `stop`, write a checkpoint unless the last one is of the current step."""
    folder = None
    if run and op == "stop" and run.state.saved_at != run.state.step:
        folder = save_checkpoint(run)
    steps = run.state.step if run else 0
    return {"stopped": True, "path": None, "checkpoint": str(folder) if folder else None, "steps": steps}


def provenance(run: Run) -> dict[str, Any]:
    """Everything needed to repeat the run, and how many rows it used."""
    return {
        **describe_origin(run.spec, run.settings, str(run.accelerator.device)),
        "processes": run.ranks.size,
        "tokens": run.state.tokens,
        "early_stopped": run.out_of_patience,
        "samples": {
            split: {"used": len(samples), "truncated": len(samples.cut), "set_aside": samples.skipped}
            for split, samples in (("train", run.training), ("validation", run.validation))
        },
    }
