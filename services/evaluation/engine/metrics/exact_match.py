"""Exact match (Rajpurkar et al. 2016): the share of answers that equal their reference, 0 to 1.

Unlike SQuAD's, it normalizes nothing but whitespace at both ends.
"""

import datasets
import evaluate


def row_exact_match(prediction: str, reference: str) -> dict[str, float]:
    """Return 1 for a match, else 0."""
    return {"exact_match": float(prediction.strip() == reference.strip())}


class ExactMatch(evaluate.Metric):
    """`compute(predictions=[str], references=[str])` -> {"exact_match": 0..1}."""

    def _info(self) -> evaluate.MetricInfo:
        text = {"predictions": datasets.Value("string"), "references": datasets.Value("string")}
        return evaluate.MetricInfo(
            description="Share of predictions that equal their reference after stripping whitespace.",
            citation="Rajpurkar et al. 2016, SQuAD",
            inputs_description="One prediction and one reference per row.",
            features=datasets.Features(text),
        )

    def _compute(self, predictions: list[str], references: list[str]) -> dict[str, float]:
        rows = [row_exact_match(*pair)["exact_match"] for pair in zip(predictions, references, strict=True)]
        return {"exact_match": sum(rows) / len(rows)}
