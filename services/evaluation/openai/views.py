"""How OpenAI's evals API shows evals, runs and output items."""

from datetime import datetime
from typing import Any, Generic, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field

from services.evaluation.evals.models import CriterionCounts, Eval, EvalRun, ModelUsage, OutputItem, RunStatus

T = TypeVar("T", "EvalView", "RunView", "OutputItemView")
SAMPLE_SCHEMA = {
    "type": "object",
    "properties": {"output_text": {"type": "string"}, "output_json": {}},
    "required": ["output_text"],
}


class Error(BaseModel):
    """Why a run failed, or a row has no answer."""

    code: str
    message: str


class SchemaView(BaseModel):
    """The schema of what graders see."""

    model_config = ConfigDict(populate_by_name=True)
    type: Literal["custom"] = "custom"
    schema_: dict[str, Any] = Field(alias="schema")


class EvalView(BaseModel):
    """An eval."""

    id: str
    object: Literal["eval"] = "eval"
    created_at: int = Field(description="seconds since 1970")
    name: str
    data_source_config: SchemaView
    testing_criteria: list[dict[str, Any]]
    metadata: dict[str, str] | None

    @classmethod
    def of(cls, found: Eval) -> "EvalView":
        """The view of an eval."""
        parts = {"item": found.item_schema, **({"sample": SAMPLE_SCHEMA} if found.include_sample else {})}
        return cls(
            id=found.id,
            created_at=_seconds(found.created_at),
            name=found.name,
            data_source_config=SchemaView(schema_={"type": "object", "properties": parts, "required": list(parts)}),
            testing_criteria=found.testing_criteria,
            metadata=found.metadata,
        )


class DeletedEval(BaseModel):
    """The response to a deletion."""

    object: Literal["eval.deleted"] = "eval.deleted"
    deleted: Literal[True] = True
    eval_id: str


class ResultCounts(BaseModel):
    """Rows by their result; those that are neither are not graded yet."""

    total: int
    passed: int
    failed: int
    errored: int


class RunView(BaseModel):
    """A run."""

    id: str
    object: Literal["eval.run"] = "eval.run"
    eval_id: str
    created_at: int = Field(description="seconds since 1970")
    status: RunStatus
    model: str
    name: str
    data_source: dict[str, Any]
    result_counts: ResultCounts
    per_testing_criteria_results: list[CriterionCounts]
    per_model_usage: list[ModelUsage]
    report_url: str = Field(description="path of the output items")
    error: Error | None
    metadata: dict[str, str] | None

    @classmethod
    def of(cls, run: EvalRun) -> "RunView":
        """The view of a run."""
        return cls(
            id=run.id,
            eval_id=run.eval_id,
            created_at=_seconds(run.created_at),
            status=run.status,
            model=run.model,
            name=run.name,
            data_source=run.data_source,
            result_counts=ResultCounts(**run.tally.model_dump(include=set(ResultCounts.model_fields))),
            per_testing_criteria_results=run.tally.criteria,
            per_model_usage=run.tally.usage,
            report_url=f"/v1/evals/{run.eval_id}/runs/{run.id}/output_items",
            error=Error(code=run.cause or "failed", message=run.detail or "") if run.state == "failed" else None,
            metadata=run.metadata,
        )


class DeletedRun(BaseModel):
    """The response to a deletion."""

    object: Literal["eval.run.deleted"] = "eval.run.deleted"
    deleted: Literal[True] = True
    run_id: str


class OutputItemView(BaseModel):
    """A row of a run."""

    id: str
    object: Literal["eval.run.output_item"] = "eval.run.output_item"
    eval_id: str
    run_id: str
    created_at: int = Field(description="seconds since 1970")
    status: str = Field(description="pass, fail, or error where the row could not be graded")
    datasource_item: dict[str, Any]
    datasource_item_id: int = Field(description="position in the data source, from 0")
    results: list[dict[str, Any]]
    sample: dict[str, Any] | None

    @classmethod
    def of(cls, item: OutputItem) -> "OutputItemView":
        """The view of a row."""
        return cls(
            **item.model_dump(include={"id", "eval_id", "run_id", "status", "results", "sample"}),
            created_at=_seconds(item.created_at),
            datasource_item=item.item,
            datasource_item_id=item.number,
        )


class Listing(BaseModel, Generic[T]):
    """A page; `after` with the last id gives the next one."""

    object: Literal["list"] = "list"
    data: list[T]
    first_id: str | None
    last_id: str | None
    has_more: bool

    @classmethod
    def of(cls, data: list[T], *, has_more: bool) -> "Listing[T]":
        """The page with these entries."""
        ends = (data[0].id, data[-1].id) if data else (None, None)
        return cls(data=data, first_id=ends[0], last_id=ends[1], has_more=has_more)


def _seconds(time: datetime) -> int:
    return int(time.timestamp())
