"""The publication of a checkpoint, and its state machine. Pure."""

from typing import ClassVar

from pydantic import Field

from services.training.models import Job
from shared.documents.entities import now
from shared.runtime.jobs.work import Work


def checkpoint_model_id(job: Job, step: int) -> str:
    """The id of the custom model that a checkpoint becomes, in the manner of OpenAI's."""
    return f"{job.model_id}-ckpt-step-{step}"


class CheckpointModel(Work):
    """The publication of a checkpoint as a custom model, which has the same id."""

    NOUN: ClassVar[str] = "model of a checkpoint"

    job_id: str = Field(description="the job")
    step: int = Field(description="the checkpoint's step")

    def succeed(self) -> None:
        """The model is published."""
        self.state, self.finished_at, self.runner = "succeeded", now(), None
        self.cause = self.detail = None

    def retry(self) -> None:
        """Queue it again after a failure."""
        if self.state == "failed":
            self.state, self.attempts = "queued", 0
            self.cause = self.detail = self.finished_at = None
