"""Fine-tunes a language model: full, LoRA or QLoRA. Reads from top to bottom; by hand:

    python -m services.training.engine.train spec.json

The spec is engine/spec.py; messages go out as JSON lines. Does not know jobs, leases, blob stores or events: it reads
local files and writes local files, and the rest is its service's affair.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from accelerate import Accelerator

from services.training.engine import checkpoint as checkpoints
from services.training.engine import data, evaluate, optimize
from services.training.engine import model as models
from services.training.engine.batches import step_rows, steps_per_epoch, why_this_layout
from services.training.engine.checkpoint import Checkpoint, Position
from services.training.engine.interrupts import Interrupted, Interrupts
from services.training.engine.metrics import Clock, gpu_gauges, memory_mb
from services.training.engine.prompts import Prompt, shown_prompts
from services.training.engine.provenance import versions
from services.training.engine.spec import Dtype, Hyperparameters, Settings, TrainingSpec
from services.training.engine.tokens import Table, read_prompts
from shared.engine.memory import keep_freed_memory
from shared.engine.protocol import Commands, EngineError, Reporter, run_by_hand
from shared.engine.template import ChatTemplate
from shared.engine.tokenizer import load_tokenizer


def main(spec: dict[str, Any], reporter: Reporter, commands: Commands) -> dict[str, Any]:
    """Train as `spec` (see TrainingSpec) says; return where the model is and how it went.

    At {"op": "stop"} it writes a checkpoint and returns with `stopped`; at {"op": "cancel"} it just returns.
    """
    keep_freed_memory()
    run, interrupts = None, Interrupts(commands)
    try:
        run = prepare(TrainingSpec.of(spec), reporter, interrupts)
        train(run)
        with reporter.span("write model"):
            return deliver(run)
    except Interrupted as wish:
        return leave(run, wish.op)


@dataclass
class Run:
    """Everything that a step touches."""

    spec: TrainingSpec
    settings: Settings
    tokenizer: Any
    template: ChatTemplate
    training: data.Samples
    validation: data.Samples
    prompts: list[Prompt]
    accelerator: Accelerator
    model: Any
    optimizer: Any
    scheduler: Any
    position: Position
    randomness: dict[str, Any]
    clock: Clock
    gauges: Callable[[], dict[str, float]]
    reporter: Reporter
    interrupts: Interrupts

    @property
    def hyperparameters(self) -> Hyperparameters:
        """As the service resolved them."""
        return self.spec.hyperparameters

    @property
    def best(self) -> Path:
        """The trained weights with the lowest validation loss so far."""
        return Path(self.spec.workdir) / "best.safetensors"


# --- before the first step ---------------------------------------------------------------------------------------


def prepare(spec: TrainingSpec, reporter: Reporter, interrupts: Interrupts) -> Run:
    """Load the model, tokenise the data, settle what was left open; or take all that from the checkpoint."""
    asked = spec.hyperparameters
    checkpoint = checkpoints.read(Path(spec.resume_from)) if spec.resume_from else None
    if threads := checkpoint.settings.threads if checkpoint else asked.threads:
        torch.set_num_threads(threads)
    tokenizer = load_tokenizer(spec.model.model_dump())
    template = ChatTemplate.of(tokenizer)

    dtype = checkpoint.settings.dtype if checkpoint else models.choose_dtype(asked.dtype, models.size_of(spec.model))
    accelerator = optimize.accelerator_for(dtype)
    torch.manual_seed(asked.seed)  # adapters begin at random
    with reporter.span("load model"):
        model = models.load_trainable(spec, dtype)
    limit = models.context_length(model)

    window = min(limit, spec.dataset.window or asked.max_length or limit)
    with reporter.span("tokenise"):
        tokens = data.tokenised(spec.dataset, tokenizer, window, Path(spec.workdir), reporter, interrupts)
        tables = [Table.open(tokens, split) for split in ("train", "validation")]
    settings = checkpoint.settings if checkpoint else settle(asked, model, dtype, template, tables[0], limit)
    settings = settings.at_most(asked.micro_batch_tokens)
    if settings.template_hash != template.hash:
        raise EngineError("checkpoint_mismatch", "the tokenizer or its template has changed since the checkpoint")
    training, validation = (data.cut(table, settings.max_length) for table in tables)
    if not len(training):
        raise EngineError(
            "nothing_to_train",
            f"no row of the dataset has a token to learn within {settings.max_length} tokens",
            field="max_length",
            remedy="raise max_length, or check that the rows have assistant turns",
        )
    total = settings.total_steps or asked.total_steps(len(training))
    optimizer = accelerator.prepare_optimizer(optimize.make_optimizer(model, asked))
    run = Run(
        spec=spec,
        settings=settings.model_copy(update={"total_steps": total}),
        tokenizer=tokenizer,
        template=template,
        training=training,
        validation=validation,
        prompts=shown_prompts(read_prompts(tokens), limit),
        accelerator=accelerator,
        model=model,
        optimizer=optimizer,
        scheduler=optimize.make_scheduler(optimizer, asked, total),
        position=Position(),
        randomness=optimize.random_state(),
        clock=Clock(0, total),
        gauges=gpu_gauges(),
        reporter=reporter,
        interrupts=interrupts,
    )
    describe(run)
    if checkpoint:
        resume(run, checkpoint)
    return run


def settle(
    asked: Hyperparameters, model: Any, dtype: Dtype, template: ChatTemplate, rows: Table, limit: int
) -> Settings:
    """Decide what the request left open; a resumed run keeps these decisions."""
    return Settings(
        layout="packed" if models.packs_exactly(model) else "padded",
        dtype=dtype,
        threads=torch.get_num_threads(),
        max_length=min(limit, asked.max_length or data.choose_max_length(rows, limit)),
        micro_batch_tokens=asked.micro_batch_tokens,
        template_hash=template.hash,
    )


def describe(run: Run) -> None:
    """Say in the log what will be trained on what, and what is left out."""
    trained, whole = sum(w.numel() for w in models.trainable(run.model).values()), models.count_parameters(run.model)
    log = run.reporter.log
    log(
        "info",
        f"{run.hyperparameters.method}: {trained:,} of {whole:,} parameters on {run.accelerator.device}, "
        f"{run.settings.dtype}, {run.settings.threads} threads",
    )
    log(
        "info",
        f"{len(run.training):,} training and {len(run.validation):,} validation samples, up to "
        f"{run.settings.max_length} tokens, {run.settings.total_steps:,} steps",
    )
    run.reporter.emit(
        "settled", longest=int(run.training.lengths.max()), micro_batch_tokens=run.settings.micro_batch_tokens
    )
    log("info", why_this_layout(run.settings, run.training.lengths.tolist(), run.hyperparameters))
    for split, samples in (("training", run.training), ("validation", run.validation)):
        if samples.aside:
            log("warning", f"{samples.aside} {split} samples have no token to learn and are set aside")
        if samples.truncated:
            log("warning", f"{samples.truncated} {split} samples are cut to {run.settings.max_length} tokens")
    if run.spec.dataset.form == "preference":
        log("warning", "preference pairs: the chosen answers are learned, the rejected ones are not used")


def resume(run: Run, checkpoint: Checkpoint) -> None:
    """Put everything back as it was after the checkpoint's step."""
    checkpoints.restore_weights(checkpoint.weights, models.trainable(run.model))
    machinery = checkpoint.machinery
    run.optimizer.load_state_dict(machinery["optimizer"])
    run.scheduler.load_state_dict(machinery["scheduler"])
    if run.accelerator.scaler is not None:
        run.accelerator.scaler.load_state_dict(machinery["scaler"])
    optimize.restore_random_state(machinery["random"])
    checkpoint.bring_best(run.best)
    run.randomness = machinery["random"]
    run.position = checkpoint.position.model_copy(update={"saved_at": checkpoint.position.step})
    run.clock = Clock(run.position.step, run.settings.total_steps)
    run.reporter.emit("resumed", step=run.position.step)


# --- the loop ----------------------------------------------------------------------------------------------------


def train(run: Run) -> None:
    """Evaluate, checkpoint, take a step; until all steps are taken or the validation loss stops falling."""
    position, total = run.position, run.settings.total_steps
    while True:
        if due(run, run.hyperparameters.eval_every) and position.evaluated_at != position.step and len(run.validation):
            with run.reporter.span("evaluate", step=position.step):
                evaluation(run)
        if gave_up(run) or position.step == total:
            return
        if due(run, run.hyperparameters.checkpoint_every) and position.saved_at != position.step > 0:
            with run.reporter.span("checkpoint", step=position.step):
                save(run)
        with run.reporter.span("train", first_step=position.step + 1):
            steps(run)


def steps(run: Run, most: int = 100) -> None:
    """A window of steps, one span of the trace: up to the next evaluation or checkpoint, at most so many."""
    for _ in range(most):
        step(run)
        run.randomness = optimize.random_state()
        if due(run, run.hyperparameters.eval_every) or due(run, run.hyperparameters.checkpoint_every):
            return


def step(run: Run) -> None:
    """One optimizer step over `batch_size` rows, and its figures."""
    run.clock.start_step()
    position, asked = run.position, run.hyperparameters
    rows = step_rows(len(run.training), asked.batch_size, asked.seed, position.step)
    batches = list(evaluate.batches_of(run.training, rows, run.settings))
    tokens = sum(batch.tokens for batch in batches)

    run.optimizer.zero_grad()
    loss = optimize.accumulate(run.model, batches, run.settings.layout, run.accelerator, run.interrupts)
    if not math.isfinite(loss):
        raise diverged(run, "loss", loss)
    grad_norm = optimize.clip(run.model, asked.max_grad_norm, run.accelerator)
    if not math.isfinite(grad_norm) and run.settings.dtype != "fp16":  # there the scaler skips the step
        raise diverged(run, "gradient", grad_norm)
    learning_rate = run.scheduler.get_last_lr()[0]
    run.optimizer.step()
    run.scheduler.step()

    position.step += 1
    position.tokens += tokens
    position.train_loss_first = loss if position.train_loss_first is None else position.train_loss_first
    position.train_loss_last = loss
    run.reporter.metric(
        position.step,
        epoch=round(position.step / steps_per_epoch(len(run.training), asked.batch_size), 4),
        loss=loss,
        learning_rate=learning_rate,
        grad_norm=grad_norm,
        tokens=position.tokens,
        tokens_per_second=round(tokens / run.clock.seconds(), 1),
        cpu_percent=round(run.clock.cpu_percent(), 1),
        memory_mb=memory_mb(),
        **run.gauges(),
    )
    progress(run)


def due(run: Run, every: int | None) -> bool:
    """At every so many steps, and at the last."""
    return run.position.step == run.settings.total_steps or bool(every and run.position.step % every == 0)


def gave_up(run: Run) -> bool:
    """Whether so many evaluations brought no gain that more steps are not worth it."""
    patience = run.hyperparameters.early_stopping_patience
    return patience is not None and run.position.evaluations_without_gain >= patience


def diverged(run: Run, what: str, value: float) -> EngineError:
    """The numbers have left the finite world, and no later step brings them back."""
    at = run.position.step + 1
    return EngineError(
        "diverged",
        f"the {what} became {value} at step {at}",
        step=at,
        field="learning_rate",
        remedy="start again with a lower learning rate or more warm-up steps",
    )


def evaluation(run: Run) -> None:
    """Validation loss and three answers; the best weights so far are kept."""
    position = run.position
    loss = evaluate.validation_loss(run.model, run.validation, run.settings, run.accelerator, run.interrupts)
    shown = evaluate.answers(run.model, run.prompts, run.template, run.tokenizer, run.accelerator, run.interrupts)
    position.evaluated_at = position.step
    position.validation_loss_last = loss
    if position.validation_loss_first is None:
        position.validation_loss_first = loss
    if position.best_loss is None or loss < position.best_loss:
        position.best_step, position.best_loss, position.evaluations_without_gain = position.step, loss, 0
        checkpoints.save_weights(models.trainable(run.model), run.best)
    else:
        position.evaluations_without_gain += 1
    run.reporter.emit("evaluation", step=position.step, loss=loss, perplexity=evaluate.perplexity(loss))
    run.reporter.emit("samples", step=position.step, items=shown)
    progress(run)


def progress(run: Run) -> None:
    """Steps done, and seconds left at the pace of this attempt."""
    done, total = run.position.step, run.settings.total_steps
    run.reporter.emit("progress", done=done, total=total, unit="steps", eta_s=run.clock.eta(done))


def save(run: Run) -> Path:
    """Write a checkpoint of the last whole step and announce it; from then on it is the service's."""
    position = run.position
    position.saved_at = position.step
    folder = checkpoints.write(
        Path(run.spec.checkpoints),
        position,
        run.settings,
        models.trainable(run.model),
        {
            "optimizer": run.optimizer.state_dict(),
            "scheduler": run.scheduler.state_dict(),
            "scaler": run.accelerator.scaler.state_dict() if run.accelerator.scaler is not None else None,
            "random": run.randomness,
        },
        run.best,
    )
    evaluated = position.evaluated_at == position.step
    run.reporter.emit(
        "checkpoint",
        path=str(folder),
        step=position.step,
        loss=position.validation_loss_last if evaluated else None,
        best=position.best_step == position.step,
    )
    return folder


# --- after the last step -----------------------------------------------------------------------------------------


def leave(run: Run | None, op: str) -> dict[str, Any]:
    """End early as asked: at `stop` with a checkpoint, unless the last one says it all or nothing had begun."""
    folder = None
    if run and op == "stop" and run.position.saved_at != run.position.step:
        folder = save(run)
    steps = run.position.step if run else 0
    return {"stopped": True, "path": None, "checkpoint": str(folder) if folder else None, "steps": steps}


def deliver(run: Run) -> dict[str, Any]:
    """Write the model with the lowest validation loss (the last one if there is no validation split)."""
    position, settings = run.position, run.settings
    if position.best_step not in (None, position.step):
        checkpoints.restore_weights(checkpoints.load_weights(run.best), models.trainable(run.model))
    trained, whole = sum(w.numel() for w in models.trainable(run.model).values()), models.count_parameters(run.model)
    models.save_model(run.model, run.tokenizer, run.template, Path(run.spec.output), settings.dtype)
    chosen = position.step if position.best_step is None else position.best_step
    ended = "the validation loss stopped falling" if gave_up(run) else "all steps are done"
    why = "there is no validation split to judge by" if position.best_step is None else "the lowest validation loss"
    run.reporter.log("info", f"{ended} at step {position.step}; delivered the weights of step {chosen}: {why}")
    return {
        "stopped": False,
        "path": run.spec.output,
        "steps": position.step,
        "best_step": chosen,
        "metrics": position.losses(),
        "template_hash": settings.template_hash,
        "parameters": whole,
        "trainable_parameters": trained,
        "max_length": settings.max_length,
        "dtype": settings.dtype,
        "threads": settings.threads,
        "provenance": provenance(run),
    }


def provenance(run: Run) -> dict[str, Any]:
    """What one would need to do it again, and what became of the rows."""
    return {
        "versions": versions(),
        "device": str(run.accelerator.device),
        "seed": run.hyperparameters.seed,
        "settings": run.settings.model_dump(),
        "hyperparameters": run.hyperparameters.model_dump(),
        "tokens": run.position.tokens,
        "early_stopped": gave_up(run),
        "samples": {
            split: {"used": len(samples), "truncated": samples.truncated, "set_aside": samples.aside}
            for split, samples in (("train", run.training), ("validation", run.validation))
        },
    }


if __name__ == "__main__":
    run_by_hand(main)
