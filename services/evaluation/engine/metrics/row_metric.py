"""Metrics that are means over rows."""

from collections.abc import Iterable, Mapping, Sequence
from typing import ClassVar

import datasets
import evaluate

TEXT_PAIR = {"predictions": datasets.Value("string"), "references": datasets.Value("string")}


def mean_scores(rows: Iterable[Mapping[str, float]]) -> dict[str, float]:
    """Average every score over the rows that have it."""
    values: dict[str, list[float]] = {}
    for row in rows:
        for name, value in row.items():
            values.setdefault(name, []).append(value)
    return {name: sum(numbers) / len(numbers) for name, numbers in values.items()}


class RowMetric(evaluate.Metric):
    """`compute(predictions=[str], references=[str])` -> the mean of every score of `row`.

    Rows whose reference is of another kind have no score, and are left out.
    """

    summary: ClassVar[str]
    source: ClassVar[str]

    @staticmethod
    def row(prediction: str, reference: str) -> dict[str, float]:
        """Score one row."""
        raise NotImplementedError

    def _info(self) -> evaluate.MetricInfo:
        return evaluate.MetricInfo(
            description=self.summary,
            citation=self.source,
            inputs_description="One prediction and one reference per row.",
            features=datasets.Features(TEXT_PAIR),
        )

    def _compute(self, predictions: Sequence[str], references: Sequence[str]) -> dict[str, float]:
        return mean_scores(map(self.row, predictions, references))
