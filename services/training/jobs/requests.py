"""The request that queues a training job."""

from pydantic import Field

from services.training.parameters import Name
from services.training.settings import TrainingSettings
from shared.events.training import FollowUp


class TrainingRequest(TrainingSettings):
    """A training job to queue."""

    base: str = Field(default="seedling", min_length=1, max_length=200, description="name or id of a model")
    dataset: str = Field(min_length=1, max_length=200, description='"<id>" for its latest version, or "<id>@<version>"')
    validation: str | None = Field(
        default=None,
        min_length=1,
        max_length=200,
        description="a dataset to validate on, with all of its rows; `dataset` is then used for training only",
    )
    name: Name | None = None
    preset: str | None = Field(default=None, max_length=120, description="id or name of a saved preset")
    after: list[FollowUp] = Field(
        default=[],
        max_length=8,
        description="what follows when it has succeeded; alias:NAME makes its model a candidate",
    )
