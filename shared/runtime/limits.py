"""The limits that an operator can set for a key and for a project."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Amount = Annotated[int | None, Field(strict=True, ge=0)]


class KeyLimits(BaseModel):
    """Limits of one key, or of one user. Null: no limit."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    requests_per_minute: Amount = Field(default=None, description="requests in a minute")
    tokens_per_minute: Amount = Field(default=None, description="prompt and answer tokens of completions in a minute")
    concurrent_streams: Amount = Field(default=None, description="completions and live websockets at once")
    upload_bytes_per_day: Amount = Field(default=None, description="bytes of uploads in a day")


class ProjectLimits(KeyLimits):
    """Limits of a project: those of a key for all its keys together, and quotas. Null: no limit."""

    queued_jobs: Amount = Field(default=None, description="training jobs that wait")
    cpu_hours_per_month: Amount = Field(default=None, description="core hours of the training jobs of a month")
    gpu_hours_per_month: Amount = Field(default=None, description="GPU hours of the training jobs of a month")
    stored_bytes: Amount = Field(default=None, description="bytes of its datasets, models, checkpoints and exports")
