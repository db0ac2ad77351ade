"""Coded errors of the evaluation service."""

from shared.runtime.errors import AnnealError, Conflict, InvalidInput


class MetricNotOffered(InvalidInput):
    """The metric needs reference answers, and the dataset has none."""

    code = "metric_not_offered"


class NothingToEvaluate(InvalidInput):
    """The split has no rows, or the model's manifest names no dataset."""

    code = "nothing_to_evaluate"


class NotFinished(Conflict):
    """Only a succeeded evaluation has predictions."""

    code = "evaluation_not_finished"


class UnknownModel(AnnealError):
    """No custom model of this project has this id."""

    status = 404
    code = "model_not_found"


class UnknownDataset(AnnealError):
    """No dataset version of this project has this id."""

    status = 404
    code = "dataset_not_found"
