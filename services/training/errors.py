"""The training room's coded failures."""

from shared.runtime.errors import AnnealError, Conflict, InvalidInput, NotFound


class UnknownBase(NotFound):
    """No base or custom model answers to the reference."""

    code = "unknown_base"


class UnknownDataset(NotFound):
    """No published dataset version answers to the reference."""

    code = "unknown_dataset"


class UnsuitableDataset(InvalidInput):
    """The dataset exists, and its rows cannot be trained on."""

    code = "unsuitable_dataset"


class ExceedsMachine(InvalidInput):
    """The job asks for more than the machine has; it would wait for ever."""

    code = "exceeds_machine"


class UnsafeModel(InvalidInput):
    """A model that would run code or is not what a loader may open."""

    code = "unsafe_model"


class InvalidArchive(InvalidInput):
    """An upload that is not a plain zip of a model folder."""

    code = "invalid_archive"


class TooLarge(AnnealError):
    """The upload is over the limit."""

    status = 413
    code = "too_large"


class InUse(Conflict):
    """Something that is still needed by another thing."""

    code = "in_use"


class Unsupported(InvalidInput):
    """A part of OpenAI's fine-tuning API that this platform does not offer."""

    code = "unsupported_parameter"


class EngineFailed(AnnealError):
    """An engine child ended without an answer."""

    status = 500
    code = "engine_failed"


class DryRunFailed(InvalidInput):
    """The steps that were tried for an estimate did not end well."""

    code = "dry_run_failed"


class DoesNotFit(InvalidInput):
    """The job would run out of memory, by the estimate of preflight."""

    code = "does_not_fit"
