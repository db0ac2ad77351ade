"""The request that changes a custom model."""

from pydantic import BaseModel, ConfigDict, Field

from services.training.parameters import Name


class CustomModelChange(BaseModel):
    """A new name or notes; a field that is left out does not change."""

    model_config = ConfigDict(extra="forbid")
    name: Name | None = None
    notes: str | None = Field(default=None, max_length=20_000)
