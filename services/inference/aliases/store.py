"""The documents of aliases and candidates, and how names lead to models."""

from dataclasses import dataclass
from typing import Self

from services.inference.aliases.models import Alias, Candidate
from shared.documents.entities import EntityStore
from shared.documents.protocol import Index
from shared.documents.spec import CollectionSpec
from shared.runtime.resources import Resources

ALIASES = CollectionSpec(
    "inference.aliases",
    Alias,
    "DELETE of the alias makes it a tombstone.",
    (Index(("project", "name", "deleted_at"), unique=True),),  # one that is not a tombstone
)
CANDIDATES = CollectionSpec(
    "inference.candidates",
    Candidate,
    "Kept without limit: they say why a model was promoted or refused.",
    (Index(("alias_id", "created_at")), Index(("alias_id", "state"))),
)
COLLECTIONS = (ALIASES, CANDIDATES)


@dataclass(frozen=True)
class AliasStores:
    """The collections, over all projects."""

    aliases: EntityStore[Alias]
    candidates: EntityStore[Candidate]

    @classmethod
    async def open(cls, resources: Resources) -> Self:
        """Open them."""
        return cls(await resources.outbox.store(ALIASES), await resources.outbox.store(CANDIDATES))

    async def named(self, project: str, name: str) -> Alias | None:
        """The project's alias of this name, or None."""
        return next(iter(await self.aliases.for_project(project).find({"name": name}, limit=1)), None)

    async def listed(self, project: str) -> list[Alias]:
        """The project's aliases, newest first."""
        return await self.aliases.for_project(project).find()
