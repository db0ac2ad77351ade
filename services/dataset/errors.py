"""Coded errors of the dataset service."""

from typing import Any

from services.dataset.formats import MAX_ARCHIVE_FILES, MAX_EXPANSION
from shared.runtime.errors import AnnealError, Conflict, InvalidInput


class DatasetRejected(AnnealError):
    """Too many rows of an upload are bad; `report` shows the first of them."""

    status = 422
    code = "dataset_rejected"


class LayoutNotRecognised(AnnealError):
    """The columns match no layout, and there is no mapping."""

    status = 422
    code = "layout_not_recognised"


class FileUnreadable(AnnealError):
    """The file is not a valid file of its extension's format."""

    status = 422
    code = "file_unreadable"


class ArchiveRefused(AnnealError):
    """The archive is damaged, breaks a safety rule, or holds no data file."""

    status = 422
    code = "archive_refused"


class EmptyFile(AnnealError):
    """The uploaded file has 0 bytes."""

    status = 422
    code = "empty_file"


class UnsupportedFormat(AnnealError):
    """The file's extension is not supported."""

    status = 415
    code = "unsupported_format"


class UploadTooLarge(AnnealError):
    """The file exceeds the upload limit."""

    status = 413
    code = "upload_too_large"


class SourceRefused(AnnealError):
    """The source of an import needs a login, or is not a file."""

    status = 403
    code = "source_refused"


class NoFeedback(InvalidInput):
    """No feedback can become a row."""

    code = "no_feedback"


class SourceNotFound(AnnealError):
    """There is nothing at the address of an import."""

    status = 404
    code = "source_not_found"


class ValidationFailed(AnnealError):
    """Validation failed for a reason other than the data; the same upload may succeed later."""

    status = 503
    code = "validation_failed"


class NotReady(AnnealError):
    """The dataset has no ready version yet."""

    status = 409
    code = "dataset_not_ready"


class InUse(Conflict):
    """An unfinished training job or evaluation needs the dataset."""

    code = "in_use"


REJECTIONS: dict[str, type[AnnealError]] = {
    kind.code: kind for kind in (DatasetRejected, LayoutNotRecognised, FileUnreadable, ArchiveRefused)
}
"""Engine error code -> HTTP error. Any other code is an internal failure."""
LIMITS: dict[str, Any] = {
    "file_unreadable": "a complete file of its format; text in UTF-8",
    "archive_refused": {
        "files": MAX_ARCHIVE_FILES,
        "ratio": MAX_EXPANSION,
        "not_allowed": ["links", "encryption", "archives"],
    },
}


def rejection_error(code: str, detail: str, fields: dict[str, Any]) -> AnnealError:
    """Return the error to raise for a version that was rejected or failed."""
    kind = REJECTIONS.get(code)
    if kind is not None:
        return kind(detail, **{"field": "file", "limit": LIMITS.get(code), **fields})
    remedy = "Upload it again. If it fails again, see the service's log."
    return ValidationFailed(f"Validation did not finish: {detail}", remedy=remedy, cause=code)
