"""Classification, 0 to 1: accuracy, and the F1 of each label averaged over the labels (macro F1).

Labels are compared without white space at both ends and without case. An answer that is no label is wrong.
"""

from collections import Counter
from collections.abc import Sequence

import datasets
import evaluate

from services.evaluation.engine.metrics.row_metric import TEXT_PAIR

MAX_LABELS = 100
"""Of which macro F1 has an interval: three numbers per row and label are kept."""


def row_accuracy(prediction: str, reference: str) -> dict[str, float]:
    """Return 1 for the right label, else 0."""
    return {"accuracy": float(_label(prediction) == _label(reference))}


def classification(predictions: Sequence[str], references: Sequence[str]) -> dict[str, float]:
    """Compute accuracy and macro F1 over the labels of the references."""
    predicted, expected = [_label(text) for text in predictions], [_label(text) for text in references]
    right = Counter(label for label, other in zip(expected, predicted, strict=True) if label == other)
    counts, answered = Counter(expected), Counter(predicted)
    f1 = [2 * right[label] / (count + answered[label]) for label, count in counts.items()]
    return {"accuracy": right.total() / len(expected), "macro_f1": sum(f1) / len(f1)}


def label_statistics(predictions: Sequence[str], references: Sequence[str]) -> list[list[int]] | None:
    """Count each row, for each label of the references: right, expected, answered. None beyond MAX_LABELS labels."""
    pairs = [(_label(one), _label(other)) for one, other in zip(predictions, references, strict=True)]
    labels = sorted({label for _, label in pairs})
    if len(labels) > MAX_LABELS:
        return None
    return [
        [int(hit) for label in labels for hit in (one == other == label, other == label, one == label)]
        for one, other in pairs
    ]


def _label(text: str) -> str:
    return text.strip().casefold()


class Classification(evaluate.Metric):
    """`compute(predictions=[str], references=[str])` -> {"accuracy": 0..1, "macro_f1": 0..1}."""

    def _info(self) -> evaluate.MetricInfo:
        return evaluate.MetricInfo(
            description="Accuracy and macro F1 of labels.",
            citation="",
            inputs_description="One label and one reference label per row.",
            features=datasets.Features(TEXT_PAIR),
        )

    def _compute(self, predictions: list[str], references: list[str]) -> dict[str, float]:
        return classification(predictions, references)
