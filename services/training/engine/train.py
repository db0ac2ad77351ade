"""Fine-tunes a language model: full, LoRA or QLoRA. Reads from top to bottom; by hand:

    python -m services.training.engine.train spec.json

What comes before the first step is engine/run.py, what is left behind engine/deliver.py. The spec is engine/spec.py;
messages go out as JSON lines. Does not know jobs, leases, blob stores or events: it reads local files and writes local
files, and the rest is its service's affair.
"""

from __future__ import annotations

import os
from typing import Any

from services.training.engine.data.batches import step_rows, steps_per_epoch
from services.training.engine.distributed.local_processes import together
from services.training.engine.distributed.parallelize import whole
from services.training.engine.distributed.ranks import Ranks
from services.training.engine.kernels.compile import compile_when_due
from services.training.engine.loop import checkpoint as checkpoints
from services.training.engine.loop import evaluation as evaluate
from services.training.engine.loop.delivery import deliver, leave, save
from services.training.engine.loop.disk_full import kept
from services.training.engine.loop.divergence import Diverged, check_finite, watch
from services.training.engine.loop.interrupts import Interrupted, Interrupts
from services.training.engine.loop.metrics import memory_mb
from services.training.engine.loop.prepare import Run, prepare
from services.training.engine.loop.resource_usage import telling, usage_of
from services.training.engine.loop.stopping import Ending, ending_of
from services.training.engine.model import loading as models
from services.training.engine.model import optimizer as optimize
from services.training.engine.spec import TrainingSpec
from services.training.engine.tasks.prewarm import prewarm as prewarm  # for the forkserver
from shared.engine.process.malloc import limit_fragmentation
from shared.engine.process.protocol import Commands, Reporter, null_reporter, run_from_shell


def main(spec: dict[str, Any], reporter: Reporter, commands: Commands) -> dict[str, Any]:
    """Train as `spec` (see TrainingSpec) says; return where the model is and how it went.

    At {"op": "stop"} it writes a checkpoint and returns with `stopped`; at {"op": "cancel"} it just returns.
    """
    limit_fragmentation()
    asked = TrainingSpec.of(spec)
    processes = 1 if "WORLD_SIZE" in os.environ else asked.hyperparameters.processes  # else torchrun has started them
    if processes == 1:
        return train_here(asked, reporter, commands)
    return together(processes, lambda: train_here(asked, reporter, commands), reporter)


def train_here(spec: TrainingSpec, reporter: Reporter, commands: Commands) -> dict[str, Any]:
    """This process's part of the training; of several only the first one reports and hears commands."""
    ranks = Ranks.joined()
    if not ranks.first:
        return train_alike(spec, null_reporter(), commands, ranks)
    with telling(reporter, lambda: usage_of(ranks)):
        return train_alike(spec, reporter, commands, ranks)


def train_alike(spec: TrainingSpec, reporter: Reporter, commands: Commands, ranks: Ranks) -> dict[str, Any]:
    """What every process does, whoever hears it."""
    run = None
    try:
        run = prepare(spec, reporter, Interrupts(commands), ranks)
        ending = train(run)
        with reporter.span("write model"):
            return deliver(run, ending)
    except Interrupted as wish:
        return leave(run, wish.op)


def train(run: Run) -> Ending:
    """Take steps until the run is over; one that diverges ends there, if it was better than the base before."""
    try:
        if run.hyperparameters.objective == "dpo":
            from services.training.engine.preference import dpo as preference  # TRL takes seconds to import

            return preference.to_the_end(run)
        return to_the_end(run)
    except Diverged as how:
        return how.ending(run.position)


def to_the_end(run: Run) -> Ending:
    """Evaluate, checkpoint, take a step; until all steps are taken, the budget is, or no gain is to be expected."""
    position = run.position
    while True:
        if position.owes_baseline and position.step > 0:
            with run.reporter.span("evaluate", step=0):
                baseline(run)
        if due(run, run.hyperparameters.eval_every) and position.evaluated_at != position.step and len(run.validation):
            if position.step == 0 and run.adapted:
                put_off(run)
            else:
                with run.reporter.span("evaluate", step=position.step):
                    evaluation(run)
        if ending := ending_of(run):
            return ending
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
        if run.position.owes_baseline:
            return


def step(run: Run) -> None:
    """One optimizer step, and its figures."""
    compile_when_due(run)
    tokens, figures = take_step(run)
    tell_step(run, tokens, **figures)
    watch(run.position, figures["loss"])


def take_step(run: Run) -> tuple[int, dict[str, float]]:
    """One optimizer step over `batch_size` rows: how many tokens they had, loss, learning rate and gradient norm."""
    run.clock.start_step()
    position, asked = run.position, run.hyperparameters
    rows = step_rows(len(run.training), asked.batch_size, asked.seed, position.step)
    batches = list(evaluate.batches_of(run.training, rows, run.settings, run.ranks))
    tokens = int(run.training.lengths[rows].sum())

    run.optimizer.zero_grad()
    optimize.seed_step(asked.seed, position.step, run.ranks)
    loss = optimize.accumulate(run.loss, batches, run.settings.layout, run.accelerator, run.interrupts, run.ranks)
    check_finite("loss", loss, position.step + 1)
    grad_norm = optimize.clip(run.model, asked.max_grad_norm, run.accelerator)
    if run.settings.dtype != "fp16":  # there the scaler skips the step
        check_finite("gradient", grad_norm, position.step + 1)
    learning_rate = run.scheduler.get_last_lr()[0]
    run.optimizer.step()
    run.scheduler.step()

    position.step += 1
    position.tokens += tokens
    position.seconds = run.ranks.agreed(run.clock.trained())
    return tokens, {"loss": loss, "learning_rate": learning_rate, "grad_norm": grad_norm}


def tell_step(run: Run, tokens: int, *, loss: float, **figures: float) -> None:
    """The figures of the step that was just taken, over so many tokens; processor and memory of all processes."""
    position = run.position
    position.train_loss_first = loss if position.train_loss_first is None else position.train_loss_first
    position.train_loss_last = loss
    cpu_percent, memory = run.ranks.summed(run.clock.cpu_percent(), memory_mb())
    run.reporter.metric(
        position.step,
        epoch=round(position.step / steps_per_epoch(len(run.training), run.hyperparameters.batch_size), 4),
        loss=loss,
        tokens=position.tokens,
        tokens_per_second=round(tokens / run.clock.seconds(), 1),
        cpu_percent=round(cpu_percent, 1),
        memory_mb=memory,
        **figures,
        **run.gauges(),
    )
    progress(run)


def due(run: Run, every: int | None) -> bool:
    """At every so many steps, and at the last."""
    return run.over or bool(every and run.position.step % every == 0)


def evaluation(run: Run) -> None:
    """How the model does now; the best weights so far are kept."""
    judge(run, measured(run, run.position.step))
    progress(run)


def judge(run: Run, loss: float) -> None:
    """Note the validation loss of the model as it is now, and keep its weights if none were better."""
    position = run.position
    position.evaluated_at = position.step
    position.validation_loss_last = loss
    if position.validation_loss_first is None:
        position.validation_loss_first = loss
    if position.best_loss is None or loss < position.best_loss:
        position.evaluations_without_gain = 0
        if keep_best(run):
            position.best_step, position.best_loss = position.step, loss
    else:
        position.evaluations_without_gain += 1


def keep_best(run: Run) -> bool:
    """Keep the weights as they are now, until better ones come; False where the disk is full."""
    weights = whole(models.trainable(run.model))
    what = f"the best model so far, of step {run.position.step},"
    return kept(run, what, lambda: checkpoints.save_weights(weights, run.best))


def put_off(run: Run) -> None:
    """Let nobody wait for the untrained model's evaluation: without its adapter it can be had again at any time."""
    if keep_best(run):
        run.position.evaluated_at = run.position.best_step = 0


def baseline(run: Run) -> None:
    """How the untrained model does, once the first step is taken: an untrained adapter changes nothing."""
    with run.model.disable_adapter():
        run.position.validation_loss_first = run.position.best_loss = measured(run, 0)


def measured(run: Run, step: int) -> float:
    """Validation loss, and with it three answers for people to read."""
    loss = evaluate.validation_loss(run.model, run.validation, run.settings, run.accelerator, run.interrupts, run.ranks)
    check_finite("validation loss", loss, step)
    shown = evaluate.answers(run.model, run.prompts, run.template, run.tokenizer, run.accelerator, run.interrupts)
    run.reporter.emit("evaluation", step=step, loss=loss, perplexity=evaluate.perplexity(loss))
    run.reporter.emit("samples", step=step, items=shown)
    return loss


def progress(run: Run) -> None:
    """Steps done, and seconds left at the pace of this attempt."""
    done, total = run.position.step, run.settings.total_steps
    run.reporter.emit("progress", done=done, total=total, unit="steps", eta_s=run.clock.eta(done))


if __name__ == "__main__":
    run_from_shell(main)
