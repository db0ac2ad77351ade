"""Immutable files under opaque keys: the protocol, its adapters, and artifacts with their manifests."""

from shared.blobs.protocol import BlobInfo, Blobs

__all__ = ["BlobInfo", "Blobs"]
