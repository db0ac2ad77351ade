"""BLEU (Papineni et al. 2002) by sacrebleu (Post 2018): 13a tokenization, exponential smoothing, 0 to 100.

BLEU = 100 · BP · exp(mean of ln p_n for n = 1 … 4), with the clipped n-gram precisions p_n and the brevity penalty
BP = min(1, exp(1 - reference length / prediction length)).
"""

from collections.abc import Sequence

import datasets
import evaluate
from sacrebleu.metrics.bleu import BLEU

_CORPUS = BLEU()
_ROW = BLEU(effective_order=True)


def corpus_bleu(predictions: Sequence[str], references: Sequence[str]) -> dict[str, float]:
    """Compute corpus BLEU, 0 to 100: n-gram counts are summed over all rows."""
    return {"bleu": float(_CORPUS.corpus_score(predictions, [references]).score)}


def row_bleu(prediction: str, reference: str) -> dict[str, float]:
    """Compute sentence BLEU, 0 to 100, to sort rows by; its mean is not corpus BLEU.

    Effective order: n-grams longer than the row are left out of the mean.
    """
    return {"bleu": float(_ROW.sentence_score(prediction, [reference]).score)}


class Bleu(evaluate.Metric):
    """`compute(predictions=[str], references=[str])` -> {"bleu": 0..100}."""

    def _info(self) -> evaluate.MetricInfo:
        text = {"predictions": datasets.Value("string"), "references": datasets.Value("string")}
        return evaluate.MetricInfo(
            description="Corpus BLEU by sacrebleu.",
            citation="Papineni et al. 2002, BLEU; Post 2018, A Call for Clarity in Reporting BLEU Scores",
            inputs_description="One prediction and one reference per row.",
            features=datasets.Features(text),
        )

    def _compute(self, predictions: list[str], references: list[str]) -> dict[str, float]:
        return corpus_bleu(predictions, references)
