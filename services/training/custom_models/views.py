"""What the API shows of custom models."""

from typing import Literal

from pydantic import Field

from services.training.models import CustomModel, Method
from shared.documents.entities import Public


class CustomModelView(Public):
    """A model that a job produced."""

    name: str
    notes: str
    kind: Literal["full", "adapter"]
    method: Method
    model_uri: str
    base: str = Field(description="id or hub id of the model it was trained from")
    base_name: str = Field(description="the name of that model when its job was submitted")
    base_uri: str
    job_id: str
    step: int | None = Field(description="of a checkpoint's model: its step; null: the job's result")
    dataset_id: str
    dataset_version: str
    parameters: int
    context_length: int = Field(description="tokens")
    template_hash: str
    size: int = Field(description="bytes")
    metrics: dict[str, float]

    @classmethod
    def of(cls, model: CustomModel) -> "CustomModelView":
        """The view of an entity."""
        return cls(**{**model.model_dump(), "base_name": model.base_name or model.base})
