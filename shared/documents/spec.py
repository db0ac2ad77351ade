"""How a service declares a collection: one value that opens it and that docs/reference/documents.md is written from."""

from dataclasses import dataclass
from typing import Generic, TypeVar

from pydantic import BaseModel

from shared.documents.protocol import Index

D = TypeVar("D", bound=BaseModel)


@dataclass(frozen=True)
class CollectionSpec(Generic[D]):
    """A collection: its name (`<service>.<noun>`), the type of its documents, their retention, and its indexes.

    `retention` says in a sentence who deletes a document, and when.
    """

    name: str
    document: type[D]
    retention: str
    indexes: tuple[Index, ...] = ()

    @property
    def service(self) -> str:
        """The service that owns it; no other reads it."""
        return self.name.partition(".")[0]


@dataclass(frozen=True)
class Transition:
    """A step of a document's state machine; an empty `source` is the creation."""

    source: str
    target: str
    cause: str
