"""The dataset room's coded failures."""

from typing import Any

from services.dataset.formats import MAX_ARCHIVE_FILES, MAX_RATIO
from shared.runtime.errors import AnnealError


class DatasetRejected(AnnealError):
    """Too many rows of an upload are bad; `report` shows the first of them."""

    status = 422
    code = "dataset_rejected"


class LayoutNotRecognised(AnnealError):
    """The columns mean nothing to us without a mapping."""

    status = 422
    code = "layout_not_recognised"


class FileUnreadable(AnnealError):
    """The file is not what its extension says."""

    status = 422
    code = "file_unreadable"


class ArchiveRefused(AnnealError):
    """A damaged, hostile or useless archive."""

    status = 422
    code = "archive_refused"


class EmptyFile(AnnealError):
    """Nothing was uploaded."""

    status = 422
    code = "empty_file"


class UnsupportedFormat(AnnealError):
    """The file's extension is not one that can be read."""

    status = 415
    code = "unsupported_format"


class UploadTooLarge(AnnealError):
    """The file exceeds the upload limit."""

    status = 413
    code = "upload_too_large"


class ValidationFailed(AnnealError):
    """Validation broke down for a reason that is not in the data; the same upload may succeed later."""

    status = 503
    code = "validation_failed"


class NotReady(AnnealError):
    """The dataset has no ready version yet."""

    status = 409
    code = "dataset_not_ready"


REJECTIONS: dict[str, type[AnnealError]] = {
    kind.code: kind for kind in (DatasetRejected, LayoutNotRecognised, FileUnreadable, ArchiveRefused)
}
"""What the engine's codes mean over HTTP; any other code is a breakdown of ours."""
LIMITS: dict[str, Any] = {
    "file_unreadable": "a complete file of its format; text in UTF-8",
    "archive_refused": {
        "files": MAX_ARCHIVE_FILES,
        "ratio": MAX_RATIO,
        "not_allowed": ["links", "encryption", "archives"],
    },
}


def rejection(code: str, detail: str, fields: dict[str, Any]) -> AnnealError:
    """The failure that an upload ended with, as an error to raise."""
    kind = REJECTIONS.get(code)
    if kind is not None:
        return kind(detail, **{"field": "file", "limit": LIMITS.get(code), **fields})
    remedy = "Upload it again; if it fails again, the service's log says more."
    return ValidationFailed(f"Validation could not finish: {detail}", remedy=remedy, cause=code)
