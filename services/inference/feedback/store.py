"""The documents of stored responses and feedback."""

from dataclasses import dataclass
from typing import Self

from services.inference.feedback.models import Feedback, StoredResponse
from shared.documents.entities import EntityStore
from shared.documents.protocol import Index
from shared.documents.spec import CollectionSpec
from shared.runtime.resources import Resources

RESPONSES = CollectionSpec(
    "inference.responses",
    StoredResponse,
    "Without feedback: removed after ANNEAL_RESPONSE_DAYS, or earlier where a project has more than 10,000 or "
    "256 MiB. With feedback: until DELETE /v1/chat/completions/{id}; 1 GiB in a project.",
    (Index(("project", "rated", "created_at")), Index(("rated", "created_at"))),
)
FEEDBACK = CollectionSpec(
    "inference.feedback",
    Feedback,
    "Removed by DELETE /feedback/{id}, and with a response that it is about.",
    (Index(("project", "kind")), Index(("first",)), Index(("second",))),
)
COLLECTIONS = (RESPONSES, FEEDBACK)


@dataclass(frozen=True)
class FeedbackStores:
    """The collections, over all projects."""

    responses: EntityStore[StoredResponse]
    feedback: EntityStore[Feedback]

    @classmethod
    async def open(cls, resources: Resources) -> Self:
        """Open them."""
        return cls(await resources.outbox.store(RESPONSES), await resources.outbox.store(FEEDBACK))

    def for_project(self, project: str) -> Self:
        """The same, of one project."""
        return type(self)(self.responses.for_project(project), self.feedback.for_project(project))

    async def about(self, response_id: str) -> list[Feedback]:
        """The feedback on a response."""
        return [each for side in ("first", "second") for each in await self.feedback.find({side: response_id})]
