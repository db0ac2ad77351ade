"""Failures of the blob store."""

from shared.runtime.errors import AnnealError


class BlobNotFound(AnnealError):
    """The key is not there, or no longer."""

    status = 410
    code = "artifact_gone"


class InvalidKey(AnnealError):
    """The key does not have the form that the protocol allows."""

    status = 400
    code = "invalid_key"
