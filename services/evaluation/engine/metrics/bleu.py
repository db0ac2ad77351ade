"""BLEU as sacrebleu computes it (Papineni et al. 2002; Post 2018): 13a tokens, exponential smoothing, 0 to 100."""

from collections.abc import Sequence

import datasets
import evaluate
from sacrebleu.metrics.bleu import BLEU

_CORPUS = BLEU()
_ROW = BLEU(effective_order=True)


def corpus_bleu(predictions: Sequence[str], references: Sequence[str]) -> dict[str, float]:
    """BLEU of all rows together, 0 to 100."""
    return {"bleu": float(_CORPUS.corpus_score(predictions, [references]).score)}


def row_bleu(prediction: str, reference: str) -> dict[str, float]:
    """Sentence BLEU with effective order, for sorting rows; rows do not average to the corpus score."""
    return {"bleu": float(_ROW.sentence_score(prediction, [reference]).score)}


class Bleu(evaluate.Metric):
    """`compute(predictions=[str], references=[str])` -> {"bleu": 0..100}."""

    def _info(self) -> evaluate.MetricInfo:
        text = {"predictions": datasets.Value("string"), "references": datasets.Value("string")}
        return evaluate.MetricInfo(
            description="Corpus BLEU by sacrebleu.",
            citation="Post 2018, A Call for Clarity in Reporting BLEU Scores",
            inputs_description="One prediction and one reference per row.",
            features=datasets.Features(text),
        )

    def _compute(self, predictions: list[str], references: list[str]) -> dict[str, float]:
        return corpus_bleu(predictions, references)
