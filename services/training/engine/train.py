"""Fine-tunes a language model: full, LoRA or QLoRA, from answers or from preferences (DPO, KTO).

Reads from top to bottom; to run it by hand:

    python -m services.training.engine.train spec.json

loop/prepare.py does what comes before the first step, loop/delivery.py writes the trained model. spec.py defines the
spec; messages go to the service as JSON lines. The engine knows nothing of jobs, leases, blob stores or events: it
reads and writes local files, and its service does the rest.
"""

from __future__ import annotations

import os
from typing import Any

from services.training.engine.data.batches import micro_batches_of, step_rows
from services.training.engine.distributed.local_processes import launch
from services.training.engine.distributed.ranks import Ranks
from services.training.engine.interrupts import Interrupted, Interrupts
from services.training.engine.loop.checkpoint import save_checkpoint
from services.training.engine.loop.delivery import deliver, stop_early
from services.training.engine.loop.evaluation import defer_base_evaluation, evaluate, evaluate_base
from services.training.engine.loop.metrics import report_step, report_usage, usage_reader
from services.training.engine.loop.prepare import prepare
from services.training.engine.loop.state import Run
from services.training.engine.loop.stopping import Diverged, StopReason, check_divergence, check_finite, stop_reason
from services.training.engine.model import optimizer
from services.training.engine.spec import TrainingSpec
from services.training.engine.tasks.prewarm import prewarm as prewarm  # called by the forkserver
from shared.engine.process.malloc import limit_fragmentation
from shared.engine.process.protocol import Commands, Reporter, null_reporter, run_from_shell


def main(spec: dict[str, Any], reporter: Reporter, commands: Commands) -> dict[str, Any]:
    """Train as `spec` (a TrainingSpec) describes; return where the model is and its metrics.

    The command {"op": "stop"} writes a checkpoint and returns with `stopped`; {"op": "cancel"} only returns.
    """
    limit_fragmentation()
    training = TrainingSpec.of(spec)
    # Under torchrun or Ray every process already exists and WORLD_SIZE is set.
    processes = 1 if "WORLD_SIZE" in os.environ else training.hyperparameters.processes
    if processes == 1:
        return run_rank(training, reporter, commands)
    return launch(processes, lambda: run_rank(training, reporter, commands), reporter)


def run_rank(spec: TrainingSpec, reporter: Reporter, commands: Commands) -> dict[str, Any]:
    """Train as one of the processes; only the main process reports and receives commands."""
    ranks = Ranks.join()
    if not ranks.is_main:
        return run_training(spec, null_reporter(), commands, ranks)
    with report_usage(reporter, lambda: usage_reader(ranks)):
        return run_training(spec, reporter, commands, ranks)


def run_training(spec: TrainingSpec, reporter: Reporter, commands: Commands, ranks: Ranks) -> dict[str, Any]:
    """Prepare, train and deliver; end early if the service requests it."""
    run = None
    try:
        run = prepare(spec, reporter, Interrupts(commands, reporter=reporter), ranks)
        reason = train(run)
        with reporter.span("write model"):
            return deliver(run, reason)
    except Interrupted as interrupt:
        return stop_early(run, interrupt.op)


def train(run: Run) -> StopReason:
    """Take steps until there is a reason to stop; a run that diverges stops with its best weights from before."""
    try:
        if run.hyperparameters.objective == "dpo":
            from services.training.engine.preference import dpo  # importing TRL takes seconds

            return dpo.train(run)
        if run.hyperparameters.objective == "kto":
            from services.training.engine.preference import kto

            return kto.train(run)
        return training_loop(run)
    except Diverged as divergence:
        return divergence.stop_reason(run.state)


def training_loop(run: Run) -> StopReason:
    """Evaluate, save a checkpoint, take steps; until all are taken, a budget is used up, or early stopping applies."""
    state, hyperparameters = run.state, run.hyperparameters
    while True:
        if state.baseline_pending and state.step > 0:
            with run.reporter.span("evaluate", step=0):
                evaluate_base(run)
        if run.is_due(hyperparameters.eval_every) and state.evaluated_at != state.step and len(run.validation):
            if state.step == 0 and run.trains_adapter:
                defer_base_evaluation(run)
            else:
                with run.reporter.span("evaluate", step=state.step):
                    evaluate(run)
        if reason := stop_reason(run):
            return reason
        if run.is_due(hyperparameters.checkpoint_every) and state.saved_at != state.step > 0:
            with run.reporter.span("checkpoint", step=state.step):
                save_checkpoint(run)
        with run.reporter.span("train", first_step=state.step + 1):
            train_steps(run)


def train_steps(run: Run, limit: int = 100) -> None:
    """Take steps up to the next evaluation or checkpoint, at most `limit`: one span of the trace."""
    for _ in range(limit):
        train_step(run)
        if run.is_due(run.hyperparameters.eval_every) or run.is_due(run.hyperparameters.checkpoint_every):
            return
        if run.state.baseline_pending:
            return


def train_step(run: Run) -> None:
    """Take one optimizer step, report it, and check that the run has not diverged."""
    tokens, metrics = optimizer_step(run)
    report_step(run, tokens, **metrics)
    check_divergence(run.state, metrics["loss"])
    run.rng_state = optimizer.random_state()


def optimizer_step(run: Run) -> tuple[int, dict[str, float]]:
    """Take one optimizer step over `batch_size` rows.

    Returns the tokens of the rows, and `loss` (nats per trained token), `learning_rate` and `grad_norm` (before
    clipping).
    """
    run.timer.start_step()
    state, hyperparameters = run.state, run.hyperparameters
    rows = step_rows(len(run.training), hyperparameters.batch_size, hyperparameters.seed, state.step)
    batches = list(micro_batches_of(run.training, rows, run.settings, run.ranks))
    tokens = int(run.training.lengths[rows].sum())

    run.optimizer.zero_grad()
    optimizer.seed_step(hyperparameters.seed, state.step, run.ranks)
    loss = optimizer.accumulate(run.loss, batches, run.settings.layout, run.accelerator, run.interrupts, run.ranks)
    check_finite("loss", loss, state.step + 1)
    grad_norm = optimizer.clip(run.model, hyperparameters.max_grad_norm, run.accelerator)
    if run.settings.dtype != "fp16":  # with fp16, the gradient scaler skips steps that overflow
        check_finite("gradient", grad_norm, state.step + 1)
    learning_rate = run.scheduler.get_last_lr()[0]
    run.optimizer.step()
    run.scheduler.step()

    state.step += 1
    state.tokens += tokens
    state.seconds = run.ranks.broadcast(run.timer.total_seconds())
    return tokens, {"loss": loss, "learning_rate": learning_rate, "grad_norm": grad_norm}


if __name__ == "__main__":
    run_from_shell(main)
