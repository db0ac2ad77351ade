"""Metrics as `evaluate.Metric` classes. They need no download, and `evaluate.combine` accepts them."""

from pathlib import Path

import evaluate

from services.evaluation.engine.metrics.bleu import Bleu
from services.evaluation.engine.metrics.exact_match import ExactMatch
from services.evaluation.engine.metrics.perplexity import Perplexity
from services.evaluation.engine.metrics.rouge import Rouge

CLASSES: dict[str, type[evaluate.Metric]] = {
    "bleu": Bleu,
    "rouge": Rouge,
    "perplexity": Perplexity,
    "exact_match": ExactMatch,
}


def metric(name: str, folder: Path) -> evaluate.Metric:
    """Create a metric that keeps its rows in memory. `evaluate` needs a folder all the same."""
    return CLASSES[name](keep_in_memory=True, cache_dir=str(folder))
