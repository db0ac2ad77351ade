"""What the service learns of a step: its metrics, and the progress of the run."""

from __future__ import annotations

from services.training.engine.data.batches import steps_per_epoch
from services.training.engine.loop.metrics import memory_mb
from services.training.engine.loop.state import Run


def report_step(run: Run, tokens: int, *, loss: float, **metrics: float) -> None:
    """Report the metrics of the step just taken over `tokens` tokens, summed over all processes, and the progress.

    `loss` is in nats per trained token.
    """
    state = run.state
    state.train_loss_first = loss if state.train_loss_first is None else state.train_loss_first
    state.train_loss_last = loss
    cpu_percent, memory = run.ranks.sum(run.timer.cpu_percent(), memory_mb())
    run.reporter.metric(
        state.step,
        epoch=round(state.step / steps_per_epoch(len(run.training), run.hyperparameters.batch_size), 4),
        loss=loss,
        tokens=state.tokens,
        tokens_per_second=round(tokens / run.timer.step_seconds(), 1),
        cpu_percent=round(cpu_percent, 1),
        memory_mb=memory,
        **metrics,
        **run.gpu_metrics(),
    )
    report_progress(run)


def report_progress(run: Run) -> None:
    """Report the steps taken and the seconds left at the pace of this attempt."""
    done, total = run.state.step, run.settings.total_steps
    run.reporter.emit("progress", done=done, total=total, unit="steps", eta_s=run.timer.seconds_left(done))
