"""Exact match: the share of answers that equal their reference, white space at both ends aside."""

import datasets
import evaluate


def row_exact_match(prediction: str, reference: str) -> dict[str, float]:
    """1 or 0."""
    return {"exact_match": float(prediction.strip() == reference.strip())}


class ExactMatch(evaluate.Metric):
    """`compute(predictions=[str], references=[str])` -> {"exact_match": 0..1}."""

    def _info(self) -> evaluate.MetricInfo:
        text = {"predictions": datasets.Value("string"), "references": datasets.Value("string")}
        return evaluate.MetricInfo(
            description="Share of predictions that equal their reference after stripping white space.",
            citation="Rajpurkar et al. 2016, SQuAD",
            inputs_description="One prediction and one reference per row.",
            features=datasets.Features(text),
        )

    def _compute(self, predictions: list[str], references: list[str]) -> dict[str, float]:
        rows = [row_exact_match(*pair)["exact_match"] for pair in zip(predictions, references, strict=True)]
        return {"exact_match": sum(rows) / len(rows)}
