"""Similarities of two texts for graders, 0 to 1."""

from rapidfuzz import fuzz

from services.evaluation.engine.metrics.bleu import row_bleu
from services.evaluation.engine.metrics.rouge import row_rouge_n

PERCENT = 100


def similarity(metric: str, text: str, reference: str) -> float:
    """Compute `fuzzy_match` (rapidfuzz's `fuzz.ratio`), `bleu` (of one sentence), `rouge_1` … `rouge_5`, `rouge_l`."""
    if metric == "fuzzy_match":
        return float(fuzz.ratio(text, reference)) / PERCENT
    if metric == "bleu":
        return row_bleu(text, reference)["bleu"] / PERCENT
    order = metric.removeprefix("rouge_")
    return row_rouge_n(text, reference, None if order == "l" else int(order))
