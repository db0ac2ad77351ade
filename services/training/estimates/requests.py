"""The request that estimates a training job."""

from pydantic import Field

from services.training.jobs.requests import TrainingRequest


class EstimateRequest(TrainingRequest):
    """A training job to estimate: the body of a job, and whether to do a dry run."""

    dry_run: bool = Field(
        default=False,
        description="also load the model and take two real steps, which are discarded; this takes as long as they do",
    )

    def job(self) -> TrainingRequest:
        """The job to estimate."""
        return TrainingRequest(**self.model_dump(exclude={"dry_run"}, exclude_unset=True))
