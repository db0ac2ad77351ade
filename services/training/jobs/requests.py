"""The request that queues a training job."""

from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from services.training.parameters import Name
from services.training.settings import TrainingSettings
from shared.events.training import FollowUp
from shared.runtime.http.display_name import refuse_hidden

MAX_TAGS = 20


def _without_comma(tag: str) -> str:
    if "," in tag:
        raise ValueError("a tag has no comma; add several tags as several entries")
    return tag


Tag = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=40),
    AfterValidator(refuse_hidden),
    AfterValidator(_without_comma),
]


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


class JobChange(BaseModel):
    """What changes of a job; a field that is left out does not change."""

    model_config = ConfigDict(extra="forbid")
    add_tags: list[Tag] = Field(default=[], description=f"tags without commas; a job has at most {MAX_TAGS}")
    remove_tags: list[Tag] = Field(default=[], description="tags that the job does not have are ignored")
    archived: bool | None = Field(default=None, description="only a job that has ended can be archived")
