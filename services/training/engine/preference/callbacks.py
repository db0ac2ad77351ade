"""What a run wants of transformers' trainer around a step: figures, evaluations, checkpoints and an end when due."""

from __future__ import annotations

from typing import Any

from transformers import TrainerCallback
from transformers.trainer_callback import TrainerState

from services.training.engine.loop import evaluation as evaluate
from services.training.engine.loop.divergence import check_finite, watch
from services.training.engine.loop.prepare import Run
from services.training.engine.model import optimizer as optimize
from services.training.engine.train import due, judge, progress, tell_step

FIGURES = ("rewards/accuracies", "rewards/margins", "rewards/chosen", "rewards/rejected")
"""What is told beside the loss, in TRL's names: a reward is beta times how much likelier an answer is than it was."""


class Steering(TrainerCallback):
    """What happens around a step, in the order in which the trainer asks."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self.tokens = 0
        """Of the step so far."""

    def on_step_begin(self, args: Any, state: TrainerState, control: Any, **told: Any) -> None:
        """The clock of the step."""
        self._run.clock.start_step()
        self.tokens = 0

    def on_step_end(self, args: Any, state: TrainerState, control: Any, **told: Any) -> None:
        """The weights are those of a new step: what is due?"""
        run, position = self._run, self._run.position
        position.step = state.global_step
        position.tokens += self.tokens
        position.seconds = run.clock.trained()
        run.randomness = optimize.random_state()
        control.should_log, control.should_training_stop = True, run.over
        control.should_evaluate = due(run, run.hyperparameters.eval_every) and bool(len(run.validation))
        control.should_save = due(run, run.hyperparameters.checkpoint_every) and not run.over

    def on_log(self, args: Any, state: TrainerState, control: Any, **told: Any) -> None:
        """The figures of a step."""
        logs: dict[str, float] = told["logs"]
        if "loss" not in logs:
            return
        run, position, loss = self._run, self._run.position, logs["loss"]
        figures = {name: logs[name] for name in ("learning_rate", "grad_norm", *FIGURES)}
        tell_step(run, self.tokens, loss=loss, **figures)
        if run.settings.dtype != "fp16":  # there the scaler skips the step
            check_finite("gradient", logs["grad_norm"], position.step)
        watch(position, loss)

    def on_evaluate(self, args: Any, state: TrainerState, control: Any, **told: Any) -> None:
        """Loss and rewards over the validation pairs, and three answers; the best weights so far are kept."""
        metrics: dict[str, float] = told["metrics"]
        run, position, loss = self._run, self._run.position, metrics["eval_loss"]
        check_finite("validation loss", loss, position.step)
        shown = evaluate.answers(run.model, run.prompts, run.template, run.tokenizer, run.accelerator, run.interrupts)
        judge(run, loss)
        rewards = {name: metrics[f"eval_{name}"] for name in FIGURES}
        run.reporter.emit("evaluation", step=position.step, loss=loss, **rewards)
        run.reporter.emit("samples", step=position.step, items=shown)
        progress(run)
        if run.gave_up:
            control.should_training_stop, control.should_save = True, False
