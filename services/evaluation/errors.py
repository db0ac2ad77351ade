"""The evaluation room's coded failures."""

from shared.runtime.errors import AnnealError, Conflict, InvalidInput


class MetricNotOffered(InvalidInput):
    """A metric that needs reference answers, asked of a dataset that has none."""

    code = "metric_not_offered"


class NothingToEvaluate(InvalidInput):
    """The split has no rows, or the model names no dataset."""

    code = "nothing_to_evaluate"


class NotFinished(Conflict):
    """The predictions of an evaluation that has not succeeded."""

    code = "evaluation_not_finished"


class UnknownModel(AnnealError):
    """No custom model of this project has this id."""

    status = 404
    code = "model_not_found"


class UnknownDataset(AnnealError):
    """No dataset version of this project has this id."""

    status = 404
    code = "dataset_not_found"
