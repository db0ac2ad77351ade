"""What the API shows of the settings of a request that is being written."""

from typing import Any

from pydantic import BaseModel, Field

from services.training.estimates.feasibility import Verdict
from services.training.resolved_settings.limits import Limits
from services.training.resolved_settings.origins import Source
from shared.warnings import ReportedWarning


class SettingView(BaseModel):
    """One setting. `lora.rank` and the like are fields of the objects of these names."""

    name: str
    value: Any = Field(description="what the job will use; null: nothing, or not known before its rows are counted")
    source: Source | None = Field(description="where the value comes from; null: it is not known yet")
    reason: str = Field(description="more about the source, such as the model's size")
    limits: Limits


class FieldProblem(BaseModel):
    """A field that a job would be refused for."""

    field: str
    detail: str
    limit: Any = None
    remedy: str | None = None


class SettingsView(BaseModel):
    """Every setting as a job would have it. Fields with a problem are resolved as if they were left out."""

    settings: list[SettingView]
    problems: list[FieldProblem] = Field(description="all of them, not only the first")
    steps: int | None = Field(description="optimizer steps")
    warnings: list[ReportedWarning]


class BaseFit(BaseModel):
    """Whether the job would fit into memory on a base model."""

    base: str
    verdict: Verdict
    total: int | None = Field(description="bytes at the peak of a step")


class BaseFits(BaseModel):
    """The base models that were asked for, without those on which the job cannot be resolved."""

    items: list[BaseFit]
    limit: int | None = Field(description="bytes of the machine, or of the GPUs")
