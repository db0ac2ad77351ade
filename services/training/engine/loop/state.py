"""What a training run consists of: the objects that a step uses, the progress that a checkpoint keeps, and a timer."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from accelerate import Accelerator
from pydantic import BaseModel
from torch import nn

from services.training.engine.data.batches import Samples
from services.training.engine.data.sample_prompts import SamplePrompt, evaluation_rows
from services.training.engine.distributed.ranks import Ranks
from services.training.engine.interrupts import Interrupts
from services.training.engine.spec import Hyperparameters, Settings, TrainingSpec
from shared.engine.process.protocol import Reporter
from shared.engine.text.template import ChatTemplate


class TrainingState(BaseModel):
    """Progress after `step` optimizer steps. Losses are in nats per token.

    `seconds` is the training time over all attempts, evaluations included. `recent_losses` and `lowest_median` are the
    memory of the divergence check (loop/stopping.py). `empty_answers` are the sample prompts that the
    best weights answer with nothing.
    """

    step: int = 0
    tokens: int = 0
    seconds: float = 0.0
    evaluated_at: int | None = None
    saved_at: int | None = None
    best_step: int | None = None
    best_loss: float | None = None
    evaluations_without_gain: int = 0
    train_loss_first: float | None = None
    train_loss_last: float | None = None
    validation_loss_first: float | None = None
    validation_loss_last: float | None = None
    recent_losses: list[float] = []
    lowest_median: float | None = None
    empty_answers: list[str] = []

    @property
    def baseline_pending(self) -> bool:
        """Whether the untrained model counts as the best so far without its loss having been measured."""
        return self.best_step == 0 and self.best_loss is None

    def losses(self) -> dict[str, float]:
        """The known losses, named as in the model's manifest."""
        losses = {
            "train_loss_first": self.train_loss_first,
            "train_loss_last": self.train_loss_last,
            "validation_loss_first": self.validation_loss_first,
            "validation_loss_last": self.validation_loss_last,
            "validation_loss_best": self.best_loss,
        }
        return {name: loss for name, loss in losses.items() if loss is not None}


class StepTimer:
    """Speed of the current step, and the time left at this attempt's pace so far, evaluations included."""

    def __init__(self, step: int, total_steps: int, seconds: float = 0.0) -> None:
        """`seconds` is the time of earlier attempts up to `step`, and of this one's preparation."""
        self._first_step, self._total_steps, self._earlier_seconds = step, total_steps, seconds
        self._started = self._step_started = time.monotonic()
        self._step_cpu_started = time.process_time()

    def start_step(self) -> None:
        """Start timing a step; evaluations and checkpoints before it do not count towards its speed."""
        self._step_started = time.monotonic()
        self._step_cpu_started = time.process_time()

    def step_seconds(self) -> float:
        """Seconds since the step started."""
        return time.monotonic() - self._step_started

    def total_seconds(self) -> float:
        """Seconds over all attempts: loading, tokenization, steps and evaluations."""
        return self._earlier_seconds + time.monotonic() - self._started

    def cpu_percent(self) -> float:
        """CPU use of this process since the step started: all threads, in percent of one core."""
        return 100 * (time.process_time() - self._step_cpu_started) / max(self.step_seconds(), 1e-9)

    def seconds_left(self, step: int) -> float:
        """Estimated seconds from `step` to the last step."""
        done = max(1, step - self._first_step)
        return (time.monotonic() - self._started) / done * (self._total_steps - step)


@dataclass
class Run:
    """Everything that a training step touches."""

    spec: TrainingSpec
    settings: Settings
    tokenizer: Any
    template: ChatTemplate
    training: Samples
    validation: Samples
    warmup_steps: int
    sample_prompts: list[SamplePrompt]
    accelerator: Accelerator
    model: Any
    loss: nn.Module
    optimizer: Any
    scheduler: Any
    state: TrainingState
    rng_state: dict[str, Any]
    timer: StepTimer
    gpu_metrics: Callable[[], dict[str, float]]
    reporter: Reporter
    interrupts: Interrupts
    ranks: Ranks

    @property
    def hyperparameters(self) -> Hyperparameters:
        """The hyperparameters as the service resolved them."""
        return self.spec.hyperparameters

    @property
    def evaluation_rows(self) -> list[int]:
        """Indices of the validation samples that every evaluation uses."""
        return evaluation_rows(len(self.validation), self.hyperparameters.eval_rows)

    @property
    def best_weights(self) -> Path:
        """File with the trained weights of the lowest validation loss so far."""
        return Path(self.spec.workdir) / "best.safetensors"

    @property
    def trains_adapter(self) -> bool:
        """Whether the trained weights are an adapter, which can be disabled."""
        return self.hyperparameters.method != "full"

    @property
    def out_of_patience(self) -> bool:
        """Whether early stopping applies: too many evaluations in a row without a lower validation loss."""
        patience = self.hyperparameters.early_stopping_patience
        return patience is not None and self.state.evaluations_without_gain >= patience

    @property
    def out_of_time(self) -> bool:
        """Whether `max_minutes` are used up over all attempts; steps that a lost attempt took do not count."""
        minutes = self.hyperparameters.max_minutes
        return minutes is not None and self.state.seconds >= 60 * minutes

    @property
    def finished(self) -> bool:
        """Whether the last step is done: all steps are taken, or the time is used up."""
        return self.state.step == self.settings.total_steps or self.out_of_time

    def is_due(self, every: int | None) -> bool:
        """Whether something that happens every `every` steps is due now; after the last step it always is."""
        return self.finished or bool(every and self.state.step % every == 0)
