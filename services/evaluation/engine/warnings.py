"""Warnings about the scores of an evaluation: what they do not say."""

from collections.abc import Iterator, Sequence

from services.evaluation.comparison.summary import few_rows_warning
from services.evaluation.engine.examples import Example
from services.evaluation.engine.scoring import Output, unscored_rows
from shared.warnings import ReportedWarning

_TRAINED_ON = "The model was trained on the scored rows, so the scores do not show how it answers new prompts."


def kind_warnings(
    metrics: Sequence[str], examples: Sequence[Example], references: Sequence[str]
) -> Iterator[ReportedWarning]:
    """Yield warnings about references that a metric cannot compare."""
    for name in metrics:
        if rows := unscored_rows(name, references):
            yield ReportedWarning(
                code=f"references_without_{name}",
                detail=f"{name} leaves out rows: their reference is not of the kind that it compares.",
                count=len(rows),
                example=examples[rows[0]].source,
                remedy="Choose metrics that fit the references; by default they are chosen so.",
            )


def score_warnings(
    examples: Sequence[Example], references: Sequence[str], tuned: Output, *, trained_on: bool
) -> Iterator[ReportedWarning]:
    """Yield warnings about the rows and about the tuned model's answers."""
    if trained_on:
        remedy = "Upload held-out rows as a dataset, or train with a validation split."
        yield ReportedWarning(
            code="scored_on_training_rows", detail=_TRAINED_ON, count=len(examples), example=None, remedy=remedy
        )
    yield from few_rows_warning(len(examples))
    if tuned.answers is None:
        return
    answers = tuned.answers
    kinds = (
        (
            "empty_references",
            [row for row, reference in enumerate(references) if not reference.strip()],
            "Rows have an empty reference answer; only perplexity counts them.",
            "Add the answers, or remove these rows.",
        ),
        (
            "empty_answers",
            [row for row, answer in enumerate(answers) if answer is not None and not answer.strip()],
            "The model's answer is empty.",
            "Read the predictions; empty answers in the training rows teach them.",
        ),
        (
            "prompts_too_long",
            [row for row, answer in enumerate(answers) if answer is None],
            "Prompts fill the context of the model; their answers are scored as empty.",
            "Shorten these prompts, or use a base model with a longer context.",
        ),
        (
            "answers_cut",
            tuned.cut,
            "Answers had not ended at the limit of new tokens, and are scored as far as they go.",
            "Increase max_new_tokens; if the answers do not end then, the model has not learned to stop.",
        ),
    )
    for code, rows, detail, remedy in kinds:
        if rows:
            example = examples[rows[0]].source
            yield ReportedWarning(code=code, detail=detail, count=len(rows), example=example, remedy=remedy)
