"""Coded errors of the evaluation service."""

from shared.runtime.errors import AnnealError, Conflict, InvalidInput


class MetricNotOffered(InvalidInput):
    """The metric needs reference answers, and the dataset has none."""

    code = "metric_not_offered"


class NothingToEvaluate(InvalidInput):
    """The split has no rows, or the model's manifest names no dataset."""

    code = "nothing_to_evaluate"


class UnknownColumn(InvalidInput):
    """The dataset's rows keep no such column."""

    code = "unknown_column"


class NotFinished(Conflict):
    """Only a succeeded evaluation has predictions."""

    code = "evaluation_not_finished"


class NotComparable(Conflict):
    """The evaluations differ in their rows or settings, so that a difference of scores would say nothing."""

    code = "evaluations_not_comparable"


class UnreadableImport(InvalidInput):
    """Results or samples of another tool that are not complete, or do not fit each other."""

    code = "unreadable_import"


class ImportTooLarge(AnnealError):
    """A file of an import has too many bytes."""

    status = 413
    code = "import_too_large"


class WrongModel(InvalidInput):
    """The results are of another model of the project, or were imported for one."""

    code = "wrong_model"


class UnknownModel(AnnealError):
    """No custom model of this project has this id."""

    status = 404
    code = "model_not_found"


class UnknownDataset(AnnealError):
    """No dataset version of this project has this id."""

    status = 404
    code = "dataset_not_found"


class Unsupported(InvalidInput):
    """A part of OpenAI's evals API that this platform does not offer."""

    code = "unsupported_parameter"


class MissingAnswers(InvalidInput):
    """The prompt of a judge does not show both answers."""

    code = "missing_answers"


class StillRunning(Conflict):
    """The evaluation has not ended."""

    code = "evaluation_running"


class UnfinishedRuns(Conflict):
    """What is to be deleted is in use by runs that have not ended."""

    code = "run_not_finished"


class GraderFailed(AnnealError):
    """The engine that runs a grader ended without a result."""

    status = 500
    code = "grader_failed"
