"""The request that changes a custom model."""

from pydantic import BaseModel, ConfigDict, Field

from services.training.parameters import Name


class CustomModelChange(BaseModel):
    """New name or notes; what is left out stays."""

    model_config = ConfigDict(extra="forbid")
    name: Name | None = None
    notes: str | None = Field(default=None, max_length=20_000)
