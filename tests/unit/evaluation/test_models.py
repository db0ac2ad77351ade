"""Evaluations of earlier releases can be read."""

from services.evaluation.models import Evaluation, EvaluationView


def test_evaluation_without_warnings_and_signatures_is_read() -> None:
    scope = {"model_id": "m", "dataset_id": "d", "dataset_version": "v1", "split": "validation", "rows": 3}
    stored = {
        "id": "evaluation_1",
        "project": "default",
        "scope": {**scope, "metrics": ["bleu"], "compare_base": False, "settings": {}},
        "model_uri": "anneal://default/models/custom/m",
        "dataset_uri": "anneal://default/datasets/d/v1",
        "outcome": {"evaluated": 3, "scores": {"bleu": 7.5}},
    }
    view = EvaluationView.of(Evaluation.model_validate(stored))
    assert view.scores == {"bleu": 7.5}
    assert (view.warnings, view.signatures, view.detect_metrics) == ([], {}, False)
