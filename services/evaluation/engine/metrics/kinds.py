"""Which metrics fit the kind of the references: numbers, JSON, or a few labels."""

from collections.abc import Sequence

from services.evaluation.engine.metrics.json_fields import parse_json
from services.evaluation.engine.metrics.number_match import is_number_answer

MIN_SHARE = 0.9
"""Share of the references that must be of a kind."""
MAX_LABELS, MAX_LABEL_LENGTH, MIN_ROWS_PER_LABEL = 50, 40, 3


def fitting_metrics(references: Sequence[str]) -> list[str]:
    """Return the metrics for the kind of the references that are not empty; none for free text."""
    texts = [reference.strip() for reference in references if reference.strip()]
    if not texts:
        return []
    if sum(map(is_number_answer, texts)) >= MIN_SHARE * len(texts):
        return ["number_match"]
    if sum(parse_json(text) is not None for text in texts) >= MIN_SHARE * len(texts):
        return ["json"]
    return ["classification"] if _are_labels(texts) else []


def _are_labels(texts: Sequence[str]) -> bool:
    labels = set(texts)
    few = 1 < len(labels) <= min(MAX_LABELS, len(texts) / MIN_ROWS_PER_LABEL)
    return few and all(len(label) <= MAX_LABEL_LENGTH and "\n" not in label for label in labels)
