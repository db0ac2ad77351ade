"""Addresses of users' files in object stores: in the platform's own, or in another one with its key."""

from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from shared.runtime.errors import AnnealError, InvalidInput
from shared.runtime.http.addresses import AddressPolicy
from shared.runtime.resources import driver
from shared.runtime.settings import Settings

if TYPE_CHECKING:
    from shared.blobs.s3 import S3Blobs


class ObjectStoreFailed(AnnealError):
    """The object store is unreachable, refuses access, or is not an object store."""

    status = 502
    code = "object_store_failed"


def locate(uri: str, own: str, project: str) -> tuple[str, str]:
    """The bucket's address and the path in it. Raises InvalidInput.

    `s3://bucket/path` means the platform's own store at `own`, of which only the project's folder may be read.
    """
    parts = urlsplit(uri)
    bucket, _, prefix = parts.path.strip("/").partition("/")
    if parts.scheme == "s3":
        platform = urlsplit(own)
        if not platform.scheme.startswith("s3+"):
            raise InvalidInput(
                "This platform keeps its files on disk and has no object store of its own.",
                field="uri",
                remedy="Name the store too: s3+https://key:secret@host/bucket/path.",
            )
        bucket, prefix = parts.netloc, parts.path.strip("/")
        if bucket != platform.path.strip("/") or not prefix.startswith(f"{project}/"):
            raise InvalidInput(
                "That is not this project's folder in the platform's own bucket.",
                field="uri",
                limit=f"s3:/{platform.path}/{project}/…",
                remedy="Name the store with a key of your own: s3+https://key:secret@host/bucket/path.",
            )
        parts = platform
    return parts._replace(path=f"/{bucket}", query="", fragment="").geturl(), prefix


def open_source(uri: str, settings: Settings, project: str, scratch: Path) -> "tuple[S3Blobs, str]":
    """Open the bucket of `uri` without creating it; return it and the path in it. `scratch` is for this store alone.

    Another store than the platform's own must have a public address, or be one of ANNEAL_IMPORT_HOSTS. Raises
    InvalidInput, and AddressRefused where it is used.
    """
    with driver("s3"):
        from shared.blobs.s3 import S3Blobs, client
    address, path = locate(uri, settings.blobs_url, project)
    policy = (
        None if uri.startswith("s3://") else AddressPolicy(settings.import_hosts, "uri", only=settings.outbound_hosts)
    )
    try:
        return S3Blobs(*client(address, policy=policy), scratch), path
    except ValueError as error:
        remedy = "Write it as s3+https://key:secret@host:port/bucket/path."
        raise InvalidInput("The address is not an object store's.", field="uri", remedy=remedy) from error


def without_secret(uri: str) -> str:
    """Return the address without key and secret, and without query and fragment, which may hold others."""
    parts = urlsplit(uri)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2], query="", fragment="").geturl()
