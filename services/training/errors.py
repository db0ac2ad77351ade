"""The training service's coded errors."""

from shared.runtime.errors import AnnealError, Conflict, InvalidInput, NotFound


class UnknownBase(NotFound):
    """No base or custom model has this reference."""

    code = "unknown_base"


class AmbiguousBase(UnknownBase):
    """Several models have this name or hub id. Not a 409, which OpenAI's clients send again."""

    code = "ambiguous_base"


class AmbiguousModel(NotFound):
    """Several custom models have this name."""

    code = "ambiguous_model"


class UnknownDataset(NotFound):
    """No published dataset version has this reference."""

    code = "unknown_dataset"


class UnsuitableDataset(InvalidInput):
    """The dataset exists, but its rows cannot be trained on."""

    code = "unsuitable_dataset"


class ExceedsMachine(InvalidInput):
    """The job requests more than any machine has, so it would wait forever."""

    code = "exceeds_machine"


class UnsafeModel(InvalidInput):
    """A model that would run code, or that no loader may open."""

    code = "unsafe_model"


class InvalidArchive(InvalidInput):
    """The upload is not a plain zip of a model folder."""

    code = "invalid_archive"


class UnknownCheckpoint(NotFound):
    """The job has stored no checkpoint of this step."""

    code = "unknown_checkpoint"


class CheckpointGone(AnnealError):
    """The job's checkpoint of this step was deleted."""

    status = 410
    code = "checkpoint_gone"


class NotReproducible(Conflict):
    """The model's manifest does not record a request that can be repeated."""

    code = "not_reproducible"


class NotReproducedYet(Conflict):
    """The job has not delivered a model to compare."""

    code = "not_reproduced_yet"


class TooLarge(AnnealError):
    """The upload is over the limit."""

    status = 413
    code = "too_large"


class InUse(Conflict):
    """Something else still needs it."""

    code = "in_use"


class Unsupported(InvalidInput):
    """A part of OpenAI's fine-tuning API that this platform does not offer."""

    code = "unsupported_parameter"


class EngineFailed(AnnealError):
    """An engine child ended without a result."""

    status = 500
    code = "engine_failed"


class DryRunFailed(InvalidInput):
    """The dry run of an estimate failed."""

    code = "dry_run_failed"


class DoesNotFit(InvalidInput):
    """By its estimate, the job would run out of memory."""

    code = "does_not_fit"


class UnsupportedRows(InvalidInput):
    """Rows that the base model's chat template cannot show."""

    code = "unsupported_rows"
