"""Exact match (Rajpurkar et al. 2016): the share of answers that equal their reference, 0 to 1.

Unlike SQuAD's, it normalizes nothing but whitespace at both ends.
"""

from services.evaluation.engine.metrics.row_metric import RowMetric


def row_exact_match(prediction: str, reference: str) -> dict[str, float]:
    """Return 1 for a match, else 0."""
    return {"exact_match": float(prediction.strip() == reference.strip())}


class ExactMatch(RowMetric):
    """{"exact_match": 0..1}."""

    summary = "Share of predictions that equal their reference after stripping whitespace."
    source = "Rajpurkar et al. 2016, SQuAD"
    row = staticmethod(row_exact_match)
