"""The one shape of warnings, which datasets, estimates, jobs and evaluations report."""

from pydantic import BaseModel, Field


class ReportedWarning(BaseModel):
    """A warning of the API. Engines report the same fields with `Reporter.warn`."""

    code: str = Field(description="stable name of the kind, in snake_case")
    detail: str = Field(description="what happened, in one or two sentences")
    count: int | None = Field(default=None, description="how many rows, pairs, columns or answers it concerns")
    example: str | None = Field(default=None, description="one of them, such as `data.jsonl:17`, a column or a text")
    remedy: str | None = Field(default=None, description="what to change, if it was not meant so")
