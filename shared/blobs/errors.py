"""Failures of the blob store."""

from shared.runtime.errors import AnnealError


class BlobNotFound(AnnealError):
    """The key does not exist, or not any more."""

    status = 410
    code = "artifact_gone"


class InvalidKey(AnnealError):
    """The key violates the protocol's syntax."""

    status = 400
    code = "invalid_key"
