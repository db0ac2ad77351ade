"""What a job's owner should know beside "succeeded": about the data at the start, about the result at the end.

A job keeps one warning of each code, so an attempt that resumes may repeat those about the data. The result is reported
once, when the model is written, from the state that checkpoints keep.
"""

from __future__ import annotations

from collections.abc import Callable
from statistics import median

import numpy as np

from services.training.engine.data.batches import Samples
from services.training.engine.data.labelled_answers import LabelledAnswers
from services.training.engine.data.preference_pairs import PreferencePairs
from services.training.engine.data.skipped_rows import SkippedRows
from services.training.engine.data.tokenization import source_of
from services.training.engine.loop.state import Run
from services.training.engine.loop.stopping import StopReason
from services.training.engine.model.loading import config_dropout, expert_parameters, has_fast_bf16

SMALL_GAIN = 0.01
"""A loss that fell by less than this share has hardly changed."""
BALANCE = (3 / 4, 4 / 3)
"""Weight times number of desirable answers, divided by that of undesirable ones, that needs no warning. KTO's authors
advise 1 to 4/3 (arXiv 2402.01306, equation 8); a little below 1 makes no difference."""
_SPLITS = {"train": "training", "validation": "validation"}
_OTHER = {"CPU": "fp32", "GPU": "fp16"}
"""The fast dtype of a device without bf16."""
_LAST_STEPS = 10
"""Steps whose median is the last training loss: that of a single step depends on its rows."""


def warn_about_data(run: Run, skipped: SkippedRows) -> None:
    """Report rows that are not trained, or not whole."""
    skipped.warn(run.reporter)
    _warn_about_samples(run)
    if run.spec.dataset.form == "preference" and run.hyperparameters.objective == "sft":
        detail = "The chosen answers are learned; the rejected ones are not used."
        run.reporter.warn("rejected_answers_not_used", detail, count=len(run.training), remedy="Use objective dpo.")
    if isinstance(run.training, LabelledAnswers):
        _warn_about_labels(run, run.training.desirable)


def warn_about_dtype(run: Run) -> None:
    """Report bf16 on a device that lacks it: the service resolves `auto` by its own machine, and a caller may err."""
    if run.settings.dtype == "bf16" and not has_fast_bf16():
        device = "GPU" if run.accelerator.device.type == "cuda" else "CPU"
        detail = f"This {device} has no bf16 instructions: bf16 is several times slower here than {_OTHER[device]}."
        run.reporter.warn("slow_dtype", detail, remedy=f"Set dtype to {_OTHER[device]}.")


def warn_about_model(run: Run) -> None:
    """Report settings of the base model that training does not follow, and layers that it does not adapt."""
    if dropout := config_dropout(run.spec.model):
        rates = ", ".join(f"{name} {rate:g}" for name, rate in sorted(dropout.items()))
        detail = f"The base model's configuration sets {rates}. They are off in this run."
        run.reporter.warn("config_dropout_off", detail, remedy="Set lora.dropout for dropout in the adapters.")
    settings = run.hyperparameters.lora
    if settings and settings.dropout and settings.targets == "all-linear" and expert_parameters(run.model):
        detail = "The experts of this mixture are not adapted: adapters of fused experts cannot have dropout."
        run.reporter.warn("experts_not_adapted", detail, remedy="Set lora.dropout to 0.")


def warn_about_result(run: Run, reason: StopReason, delivered: int) -> None:
    """Report a run that ended early for a bad reason, hardly learned, or gives empty answers.

    `delivered` is the step whose weights are the result.
    """
    if reason.remedy:
        detail = f"{_sentence(reason.message)} The delivered weights are those of step {delivered}."
        run.reporter.warn(reason.code, detail, remedy=reason.remedy)
    else:
        _warn_about_gain(run, delivered)
    _warn_about_warmup(run)
    if empty := run.state.empty_answers:
        detail = f"{len(empty)} of the {len(run.sample_prompts)} sample prompts got an empty answer."
        remedy = "Check that the answers in the data are not empty or cut, and that the prompts look like those in use."
        run.reporter.warn("empty_answers", detail, count=len(empty), example=empty[0], remedy=remedy)


def _warn_about_samples(run: Run) -> None:
    limit, longer = run.settings.max_length, "Raise max_length, or shorten these rows."
    untrained = f"are skipped: they have no token to learn within {limit} tokens"
    cut = f"are truncated to {limit} tokens and do not show how the answer ends"
    identical = f"are skipped: both answers are the same within {limit} tokens"
    remedy = f"{longer} An answer must follow each prompt."
    _warn_about_rows(run, "rows_without_trained_token", lambda samples: samples.untrained, untrained, remedy)
    _warn_about_rows(run, "identical_pairs", _identical, identical, longer)
    _warn_about_rows(run, "rows_truncated", lambda samples: samples.cut, cut, longer)


def _warn_about_rows(run: Run, code: str, select: Callable[[Samples], np.ndarray], what: str, remedy: str) -> None:
    """One warning about the selected rows of both splits' tables: a job keeps one of each code."""
    counts, examples = [], []
    kind = "pairs" if isinstance(run.training, PreferencePairs) else "rows"
    for split, samples in (("train", run.training), ("validation", run.validation)):
        if len(rows := select(samples)):
            total = len(samples) + samples.skipped
            counts.append((len(rows), f"{len(rows)} of {total} {_SPLITS[split]} {kind} ({len(rows) / total:.1%})"))
            examples.append(_source(run, split, samples, rows))
    if counts:
        detail = f"{' and '.join(text for _, text in counts)} {what}."
        run.reporter.warn(code, detail, count=sum(n for n, _ in counts), example=examples[0], remedy=remedy)


def _identical(samples: Samples) -> np.ndarray:
    return samples.identical if isinstance(samples, PreferencePairs) else np.array([], np.int64)


def _source(run: Run, split: str, samples: Samples, rows: np.ndarray) -> str | None:
    """Where the first of these rows of the table comes from; the other processes of a group report nothing."""
    if not run.ranks.is_main:
        return None
    shards = run.spec.dataset.train if split == "train" else run.spec.dataset.validation
    return source_of(shards, int(samples.table.samples["row_id"][rows[0]]))


def _warn_about_labels(run: Run, desirable: np.ndarray) -> None:
    good = int(desirable.sum())
    bad = len(desirable) - good
    if not bad:
        detail = "All answers are labelled desirable: there is none to avoid."
        run.reporter.warn("one_sided_labels", detail, count=good, remedy="Use objective sft.")
    elif not good:
        detail = "All answers are labelled undesirable: the model only learns what to avoid."
        run.reporter.warn("one_sided_labels", detail, count=bad, remedy="Add desirable answers.")
    else:
        _warn_about_balance(run, good, bad)


def _warn_about_balance(run: Run, good: int, bad: int) -> None:
    weights = run.hyperparameters
    ratio = weights.desirable_weight * good / (weights.undesirable_weight * bad)
    if BALANCE[0] <= ratio <= BALANCE[1]:
        return
    name, weight = ("undesirable_weight", good / bad) if good > bad else ("desirable_weight", bad / good)
    detail = f"{good} answers are desirable and {bad} undesirable: the more frequent label dominates the loss."
    remedy = f"Set {name} to {weight:.2g} and the other weight to 1."
    run.reporter.warn("unbalanced_labels", detail, count=min(good, bad), remedy=remedy)


def _warn_about_warmup(run: Run) -> None:
    steps, warmup = run.state.step, run.warmup_steps
    if steps < warmup:
        detail = (
            f"The run ended after {steps} of {warmup} warm-up steps: the learning rate reached "
            f"{steps / warmup:.0%} of {run.hyperparameters.learning_rate:g}."
        )
        run.reporter.warn("warmup_not_finished", detail, remedy="Lower warmup_steps, or train for more steps.")


def _warn_about_gain(run: Run, delivered: int) -> None:
    name, losses = _losses(run)
    if losses is None:
        return
    first, best, last = losses
    detail = f"The {name} loss was {first:.4g} at the beginning and {last:.4g} at the end."
    if last > first:
        detail += f" The delivered weights are those of step {delivered}."
        remedy = "Lower the learning rate, train for fewer epochs, or add data."
        run.reporter.warn("worse_than_at_the_beginning", detail, remedy=remedy)
    elif best > first * (1 - SMALL_GAIN):
        remedy = "Raise the learning rate, train for more steps, or check that the base model does not know the task."
        run.reporter.warn("hardly_better_than_at_the_beginning", detail, remedy=remedy)


def _losses(run: Run) -> tuple[str, tuple[float, float, float] | None]:
    """The first, lowest and last validation loss; without validation rows, training losses of a long enough run."""
    state = run.state
    first, best, last = state.validation_loss_first, state.best_loss, state.validation_loss_last
    if first is not None and best is not None and last is not None:
        return "validation", (first, best, last)
    if state.train_loss_first is None or len(state.recent_losses) <= _LAST_STEPS:
        return "training", None
    last = median(state.recent_losses[-_LAST_STEPS:])
    return "training", (state.train_loss_first, last, last)


def _sentence(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}."
