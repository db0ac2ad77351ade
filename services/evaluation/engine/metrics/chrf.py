"""chrF (Popović 2015) by sacrebleu: the F2-measure of character n-grams up to 6, in any script, 0 to 100."""

from collections.abc import Sequence

import datasets
import evaluate
from sacrebleu.metrics.chrf import CHRF

from services.evaluation.engine.metrics.row_metric import TEXT_PAIR

_CHRF = CHRF()


def chrf_signature(references: Sequence[str]) -> str:
    """Return sacrebleu's signature, which is the same for all references."""
    _CHRF.num_refs = 1
    return str(_CHRF.get_signature())


def chrf_statistics(predictions: Sequence[str], references: Sequence[str]) -> list[list[int]]:
    """Count each row: n-grams of the prediction, of the reference, and those in both, for n = 1…6."""
    counts: list[list[int]] = _CHRF._extract_corpus_statistics(predictions, [references])
    return counts


def row_chrf(prediction: str, reference: str) -> dict[str, float]:
    """Compute the chrF of one row, 0 to 100."""
    return {"chrf": min(float(_CHRF.sentence_score(prediction, [reference]).score), 100.0)}


class Chrf(evaluate.Metric):
    """`compute(predictions=[str], references=[str])` -> {"chrf": 0..100}: n-gram counts are summed over all rows."""

    def _info(self) -> evaluate.MetricInfo:
        return evaluate.MetricInfo(
            description="Corpus chrF by sacrebleu.",
            citation="Popović 2015, chrF: character n-gram F-score for automatic MT evaluation",
            inputs_description="One prediction and one reference per row.",
            features=datasets.Features(TEXT_PAIR),
        )

    def _compute(self, predictions: list[str], references: list[str]) -> dict[str, float]:
        return {"chrf": min(float(_CHRF.corpus_score(predictions, [references]).score), 100.0)}
