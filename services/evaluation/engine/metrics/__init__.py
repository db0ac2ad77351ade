"""Our `evaluate.Metric` classes: nothing is downloaded, and `evaluate.combine` takes them like the hub's."""

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
    """The metric, keeping its rows in memory; evaluate insists on a folder that it may make folders in."""
    return CLASSES[name](keep_in_memory=True, cache_dir=str(folder))
