"""Metrics as `evaluate.Metric` classes. They need no download, and `evaluate.combine` accepts them."""

from pathlib import Path

import evaluate

from services.evaluation.engine.metrics.bleu import Bleu
from services.evaluation.engine.metrics.chrf import Chrf
from services.evaluation.engine.metrics.classification import Classification
from services.evaluation.engine.metrics.exact_match import ExactMatch
from services.evaluation.engine.metrics.json_fields import JsonFields
from services.evaluation.engine.metrics.number_match import NumberMatch
from services.evaluation.engine.metrics.perplexity import Perplexity
from services.evaluation.engine.metrics.rouge import Rouge
from services.evaluation.engine.metrics.token_f1 import TokenF1

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
