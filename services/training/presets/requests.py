"""The request that saves a preset."""

from pydantic import BaseModel, ConfigDict, Field

from services.training.parameters import Name
from services.training.settings import TrainingSettings


class PresetRequest(BaseModel):
    """A preset to save."""

    model_config = ConfigDict(extra="forbid")
    name: Name
    description: str = Field(default="", max_length=2000)
    settings: TrainingSettings
    shared: bool = Field(default=True, description="everyone in the project sees it; false: only you")
