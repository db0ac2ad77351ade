"""Versioned JSON documents with single-document atomicity: the protocol, and its adapters beside it."""

from shared.documents.protocol import Collection, Document, Documents, Index

__all__ = ["Collection", "Document", "Documents", "Index"]
