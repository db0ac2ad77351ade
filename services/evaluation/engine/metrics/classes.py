"""Metrics as `evaluate.Metric` classes. They need no download, and `evaluate.combine` accepts them.

Bleu and Rouge are here and not beside their functions, which graders use without the seconds that importing `evaluate`
takes.
"""

from collections.abc import Sequence
from pathlib import Path

import datasets
import evaluate

from services.evaluation.engine.metrics.bleu import corpus_bleu
from services.evaluation.engine.metrics.chrf import Chrf
from services.evaluation.engine.metrics.classification import Classification
from services.evaluation.engine.metrics.exact_match import ExactMatch
from services.evaluation.engine.metrics.json_fields import JsonFields
from services.evaluation.engine.metrics.number_match import NumberMatch
from services.evaluation.engine.metrics.perplexity import Perplexity
from services.evaluation.engine.metrics.rouge import rouge_scores
from services.evaluation.engine.metrics.row_metric import TEXT_PAIR, RowMetric, mean_scores
from services.evaluation.engine.metrics.token_f1 import TokenF1


class Bleu(evaluate.Metric):
    """`compute(predictions=[str], references=[str])` -> {"bleu": 0..100}."""

    def _info(self) -> evaluate.MetricInfo:
        return evaluate.MetricInfo(
            description="Corpus BLEU by sacrebleu.",
            citation="Papineni et al. 2002, BLEU; Post 2018, A Call for Clarity in Reporting BLEU Scores",
            inputs_description="One prediction and one reference per row.",
            features=datasets.Features(TEXT_PAIR),
        )

    def _compute(self, predictions: list[str], references: list[str]) -> dict[str, float]:
        return corpus_bleu(predictions, references)


class Rouge(RowMetric):
    """{"rouge1", "rouge2", "rougeL"}: means over rows, 0..1."""

    summary = "ROUGE F-measures, averaged over rows."
    source = "Lin 2004, ROUGE: A Package for Automatic Evaluation of Summaries"

    def _compute(self, predictions: Sequence[str], references: Sequence[str]) -> dict[str, float]:
        return mean_scores(rouge_scores(predictions, references))


CLASSES: dict[str, type[evaluate.Metric]] = {
    "bleu": Bleu,
    "rouge": Rouge,
    "chrf": Chrf,
    "token_f1": TokenF1,
    "perplexity": Perplexity,
    "exact_match": ExactMatch,
    "number_match": NumberMatch,
    "json": JsonFields,
    "classification": Classification,
}


def metric(name: str, folder: Path) -> evaluate.Metric:
    """Create a metric that keeps its rows in memory. `evaluate` needs a folder all the same."""
    return CLASSES[name](keep_in_memory=True, cache_dir=str(folder))
