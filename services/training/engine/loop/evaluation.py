"""Evaluation during training: the loss on the validation split, three sample answers, and the best weights so far."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import torch

from services.training.engine.attention.packed import attention_for
from services.training.engine.data.batches import micro_batches_of
from services.training.engine.loop.checkpoint import save_weights, unless_disk_full
from services.training.engine.loop.metrics import report_progress
from services.training.engine.loop.state import Run
from services.training.engine.loop.stopping import check_finite
from services.training.engine.model.loading import trainable
from services.training.engine.model.loss import loss_sum
from services.training.engine.model.parallelize import gather_full
from shared.engine.decoding.generate import Request, decode

_SHOWN_CHARACTERS = 200


def evaluate(run: Run) -> None:
    """Evaluate the current weights and keep them if they are the best so far."""
    record_evaluation(run, *_measure(run, run.state.step))
    report_progress(run)


def evaluate_base(run: Run) -> None:
    """Evaluate the base model with the adapter disabled: an untrained adapter changes nothing."""
    with run.model.disable_adapter():
        loss, run.state.empty_answers = _measure(run, 0)
        run.state.validation_loss_first = run.state.best_loss = loss


def defer_base_evaluation(run: Run) -> None:
    """Let the first step start at once: without its adapter, the base can be evaluated at any later time."""
    if _keep_best_weights(run):
        run.state.evaluated_at = run.state.best_step = 0


def record_evaluation(run: Run, loss: float, empty_answers: list[str]) -> None:
    """Record the validation loss (nats per token) of the current weights; keep the weights if they are the best."""
    state = run.state
    state.evaluated_at = state.step
    state.validation_loss_last = loss
    if state.validation_loss_first is None:
        state.validation_loss_first = loss
    if state.best_loss is None or loss < state.best_loss:
        state.evaluations_without_gain = 0
        if _keep_best_weights(run):
            state.best_step, state.best_loss, state.empty_answers = state.step, loss, empty_answers
    else:
        state.evaluations_without_gain += 1


@torch.no_grad()
def validation_loss(run: Run) -> float:
    """Mean cross entropy in nats over the trained tokens of the evaluation rows; every token has the same weight."""
    model, settings = run.model, run.settings
    model.eval()
    total, trained = 0.0, 0.0
    with attention_for(model, settings.layout):
        for batch in micro_batches_of(run.validation, run.evaluation_rows, settings, run.ranks):
            run.interrupts.check()
            with run.accelerator.autocast():
                total += loss_sum(model, batch.to(run.accelerator.device)).item()
            trained += batch.trained
    model.train()
    total, trained = run.ranks.sum(total, trained)
    return total / trained


def sample_answers(run: Run) -> list[dict[str, str]]:
    """Greedy answers to the sample prompts, with prompt and reference; long answers are cut."""
    prompts = run.sample_prompts
    if not prompts:
        return []
    run.model.eval()
    tokens: list[list[int]] = [[] for _ in prompts]
    requests = [Request(prompt.ids, prompt.max_new_tokens) for prompt in prompts]
    with run.accelerator.autocast():
        for steps in decode(run.model, requests, stop_ids=run.template.stop_ids):
            run.interrupts.check()
            for step in steps:
                if step.finish_reason != "stop":
                    tokens[step.index].append(step.token)
    run.model.train()
    return [
        {"prompt": p.text, "reference": p.reference, "answer": run.tokenizer.decode(ids, skip_special_tokens=True)}
        for p, ids in zip(prompts, tokens, strict=True)
    ]


def perplexity(loss: float) -> float:
    """exp(loss) for a loss in nats per token; infinite where that overflows a float."""
    return math.exp(loss) if loss < 700 else math.inf


def unanswered(answers: Sequence[Mapping[str, str]]) -> list[str]:
    """The beginnings of the prompts whose answer is blank though the data's is not."""
    blank = [each for each in answers if each["reference"].strip() and not each["answer"].strip()]
    return [each["prompt"][:_SHOWN_CHARACTERS] for each in blank]


def _measure(run: Run, step: int) -> tuple[float, list[str]]:
    """Report the loss and the sample answers; return the loss, and the prompts with an empty answer."""
    loss = validation_loss(run)
    check_finite("validation loss", loss, step)
    answers = sample_answers(run)
    run.reporter.emit("evaluation", step=step, loss=loss, perplexity=perplexity(loss))
    run.reporter.emit("samples", step=step, items=answers)
    return loss, unanswered(answers)


def _keep_best_weights(run: Run) -> bool:
    """Save the current weights as the best so far; False if the disk is full."""
    weights = gather_full(trainable(run.model))
    what = f"the best model so far, of step {run.state.step},"
    return unless_disk_full(run, what, lambda: save_weights(weights, run.best_weights))
