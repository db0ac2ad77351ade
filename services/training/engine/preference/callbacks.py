"""Connects transformers' trainer to a run: metrics, evaluations, checkpoints and stopping after each step."""

from __future__ import annotations

from typing import Any

from transformers import TrainerCallback
from transformers.trainer_callback import TrainerState

from services.training.engine.loop.evaluation import record_evaluation, sample_answers, unanswered
from services.training.engine.loop.metrics import report_progress, report_step
from services.training.engine.loop.state import Run
from services.training.engine.loop.stopping import check_divergence, check_finite
from services.training.engine.model import optimizer

PREFERENCE_METRICS = ("rewards/accuracies", "rewards/margins", "rewards/chosen", "rewards/rejected", "kl")
"""Metrics beside the loss, in TRL's names. A reward is beta times the log-ratio of an answer's probabilities under the
model and the reference (arXiv 2305.18290, section 4). KTO has no pairs and so no accuracy, but
`kl`: how far the model is from the reference, in nats per answer. A step without desirable answers has no reward of
them."""


class RunCallback(TrainerCallback):
    """The run's work around a step, in the order in which the trainer calls it."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self.tokens = 0
        """Tokens of the current step so far."""

    def on_step_begin(self, args: Any, state: TrainerState, control: Any, **kwargs: Any) -> None:
        """Start timing the step."""
        self._run.timer.start_step()
        self.tokens = 0

    def on_step_end(self, args: Any, state: TrainerState, control: Any, **kwargs: Any) -> None:
        """Update the state and decide what is due."""
        run = self._run
        run.state.step = state.global_step
        run.state.tokens += self.tokens
        run.state.seconds = run.timer.total_seconds()
        run.rng_state = optimizer.random_state()
        control.should_log, control.should_training_stop = True, run.finished
        control.should_evaluate = run.is_due(run.hyperparameters.eval_every) and bool(len(run.validation))
        control.should_save = run.is_due(run.hyperparameters.checkpoint_every) and not run.finished

    def on_log(self, args: Any, state: TrainerState, control: Any, **kwargs: Any) -> None:
        """Report the metrics of the step."""
        logs: dict[str, float] = kwargs["logs"]
        if "loss" not in logs:
            return
        run, loss = self._run, logs["loss"]
        names = ("learning_rate", "grad_norm", *PREFERENCE_METRICS)
        metrics = {name: logs[name] for name in names if name in logs}
        report_step(run, self.tokens, loss=loss, **metrics)
        if run.settings.dtype != "fp16":  # with fp16, the gradient scaler skips steps that overflow
            check_finite("gradient", logs["grad_norm"], run.state.step)
        check_divergence(run.state, loss)

    def on_evaluate(self, args: Any, state: TrainerState, control: Any, **kwargs: Any) -> None:
        """Report loss and rewards over the validation pairs, and sample answers; keep the best weights."""
        metrics: dict[str, float] = kwargs["metrics"]
        run, loss = self._run, metrics["eval_loss"]
        check_finite("validation loss", loss, run.state.step)
        answers = sample_answers(run)
        record_evaluation(run, loss, unanswered(answers))
        measured = {name: metrics[key] for name in PREFERENCE_METRICS if (key := f"eval_{name}") in metrics}
        run.reporter.emit("evaluation", step=run.state.step, loss=loss, **measured)
        run.reporter.emit("samples", step=run.state.step, items=answers)
        report_progress(run)
        if run.out_of_patience:
            control.should_training_stop, control.should_save = True, False
