"""The request that estimates a training job."""

from pydantic import Field

from services.training.jobs.requests import TrainingRequest


class EstimateRequest(TrainingRequest):
    """A training job to be estimated: the body of a job, and whether to try it."""

    dry_run: bool = Field(
        default=False,
        description="load the model, tokenize the data and take two steps, which are thrown away; it takes as long",
    )

    def job(self) -> TrainingRequest:
        """The job that it asks about."""
        return TrainingRequest(**self.model_dump(exclude={"dry_run"}, exclude_unset=True))
