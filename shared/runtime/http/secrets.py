"""Which kind of secret a request carries, for the audit log: never its value."""

from typing import Literal

from shared.blobs.locations import without_secret

KIND_HEADER = "x-anneal-secret"
"""Response header: the kind of the secret that the accepted request carried, and that its download uses."""
SecretKind = Literal["hub token", "object store key", "signed address", "API key"]


def secret_kind(token: object | None, address: str | None) -> SecretKind | None:
    """The kind, or None for no token and an address without a key or query."""
    if token:
        return "hub token"
    if not address or without_secret(address) == address:
        return None
    return "object store key" if address.startswith("s3") else "signed address"
