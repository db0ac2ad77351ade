"""What the API shows of checkpoints' models."""

from datetime import datetime

from pydantic import BaseModel, Field

from services.training.publications import CheckpointModel
from shared.runtime.jobs.work import State


class CheckpointModelView(BaseModel):
    """A checkpoint's publication as a custom model."""

    model_id: str = Field(description="the custom model, which exists once the state is succeeded")
    job_id: str
    step: int
    state: State = Field(description="queued, running, publishing, succeeded or failed")
    cause: str | None = Field(description="why it failed: a stable code")
    detail: str | None = Field(description="why it failed, in words, and what to do")
    created_at: datetime
    finished_at: datetime | None

    @classmethod
    def of(cls, publication: CheckpointModel) -> "CheckpointModelView":
        """The view of an entity."""
        return cls(model_id=publication.id, **publication.model_dump(include=set(cls.model_fields)))
