"""What a training run leaves behind: checkpoints on its way, and at its end the model with the record of its making."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from services.training.engine.distributed.parallelize import whole, whole_model
from services.training.engine.loop import checkpoint as checkpoints
from services.training.engine.loop.disk_full import kept
from services.training.engine.loop.prepare import Run
from services.training.engine.loop.provenance import made_with
from services.training.engine.loop.stopping import Ending
from services.training.engine.model import loading as models


def save(run: Run) -> Path | None:
    """Write a checkpoint of the last whole step and announce it; from then on it is the service's.

    Of several processes the first one writes, and all gather what it writes. None where the disk is full.
    """
    position = run.position
    position.saved_at = position.step
    weights = whole(models.trainable(run.model))
    machinery = {
        "optimizer": whole(run.optimizer.state_dict()),
        "scheduler": run.scheduler.state_dict(),
        "scaler": run.accelerator.scaler.state_dict() if run.accelerator.scaler is not None else None,
        "random": run.randomness,
    }
    folder = Path(run.spec.checkpoints) / checkpoints.name_of(position)

    def write() -> None:
        checkpoints.write(folder, position, run.settings, weights, machinery, run.best)

    if not kept(run, f"the checkpoint of step {position.step}", write):
        return None
    evaluated = position.evaluated_at == position.step
    run.reporter.emit(
        "checkpoint",
        path=str(folder),
        step=position.step,
        loss=position.validation_loss_last if evaluated else None,
        best=position.best_step == position.step,
    )
    return folder


def leave(run: Run | None, op: str) -> dict[str, Any]:
    """End early as asked: at `stop` with a checkpoint, unless the last one says it all or nothing had begun."""
    folder = None
    if run and op == "stop" and run.position.saved_at != run.position.step:
        folder = save(run)
    steps = run.position.step if run else 0
    return {"stopped": True, "path": None, "checkpoint": str(folder) if folder else None, "steps": steps}


def deliver(run: Run, ending: Ending) -> dict[str, Any]:
    """Write the model with the lowest validation loss (the last one if there is no validation split)."""
    position, settings = run.position, run.settings
    if position.best_step not in (None, position.step):
        checkpoints.restore_weights(checkpoints.load_weights(run.best), models.trainable(run.model))
    trained = sum(weight.numel() for weight in models.trainable(run.model).values())
    models.settle_precision(run.model, settings.dtype)
    state = whole_model(run.model)
    if run.ranks.first:
        models.save_model(run.model, run.tokenizer, run.template, Path(run.spec.output), state)
    chosen = position.step if position.best_step is None else position.best_step
    why = "there is no validation split to judge by" if position.best_step is None else "the lowest validation loss"
    told = f"{ending.sentence}; delivered after {position.step} steps the weights of step {chosen}: {why}"
    run.reporter.log("warning" if ending.remedy else "info", told)
    return {
        "stopped": False,
        "path": run.spec.output,
        "steps": position.step,
        "best_step": chosen,
        "ended": ending.code,
        "warning": f"{told[0].upper()}{told[1:]}. {ending.remedy}" if ending.remedy else None,
        "metrics": position.losses(),
        "template_hash": settings.template_hash,
        "parameters": models.count_parameters(run.model),
        "trainable_parameters": trained,
        "max_length": settings.max_length,
        "dtype": settings.dtype,
        "threads": settings.threads,
        "provenance": provenance(run),
    }


def provenance(run: Run) -> dict[str, Any]:
    """What one would need to do it again, and what became of the rows."""
    return {
        **made_with(run.spec, run.settings, str(run.accelerator.device)),
        "processes": run.ranks.size,
        "tokens": run.position.tokens,
        "early_stopped": run.gave_up,
        "samples": {
            split: {"used": len(samples), "truncated": samples.truncated, "set_aside": samples.aside}
            for split, samples in (("train", run.training), ("validation", run.validation))
        },
    }
