"""The suite of an alias: an eval, its rows, and what a model's results must be like to be promoted."""

import json
from typing import Annotated, Any, Self

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, model_validator

from shared.scores import Difference, Score, Share

MAX_SUITE_BYTES = 256 * 1024
"""Of a suite as JSON: documents and events hold it. More rows belong into a file."""
MAX_DEPTH = 64
GraderName = Annotated[str, Field(min_length=1, max_length=200)]


def _completions(data_source: dict[str, Any]) -> dict[str, Any]:
    """Refuse a data source without answers of a model, or with another model than the candidate."""
    if data_source.get("type") != "completions":
        raise ValueError("type must be completions: the candidate answers the rows")
    if "model" in data_source:
        raise ValueError("leave model out: the candidate and the current model answer the rows")
    require_shallow(data_source)
    return data_source


def require_shallow(value: Any, depth: int = 0) -> None:
    """Raise ValueError for JSON that is nested more than MAX_DEPTH levels deep."""
    if depth > MAX_DEPTH:
        raise ValueError(f"nested more than {MAX_DEPTH} levels deep")
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        require_shallow(inner, depth + 1)


class Threshold(BaseModel):
    """What the results of one grader must reach."""

    model_config = ConfigDict(extra="forbid")
    min_mean: Score | None = Field(default=None, description="smallest mean score")
    min_pass_share: Share | None = Field(default=None, description="smallest share of rows that pass")

    @model_validator(mode="after")
    def _require_one(self) -> Self:
        if self.min_mean is None and self.min_pass_share is None:
            raise ValueError("give min_mean or min_pass_share")
        return self

    def misses(self, mean: float, pass_share: float) -> list[str]:
        """What these results miss, in words."""
        found = (("mean", mean, self.min_mean), ("share of passed rows", pass_share, self.min_pass_share))
        return [
            f"the {name} is {value:.3g}, below {least:g}"
            for name, value, least in found
            if least is not None and value < least
        ]


class Suite(BaseModel):
    """An eval, the rows to run it on, and what decides."""

    model_config = ConfigDict(extra="forbid")
    eval_id: str = Field(min_length=1, max_length=200, description="the eval, whose testing criteria grade the answers")
    data_source: Annotated[dict[str, Any], AfterValidator(_completions)] = Field(
        description="as runs of evals take it, with type completions and without model: rows (file_id or "
        "file_content), input_messages, sampling_params"
    )
    thresholds: dict[GraderName, Threshold] = Field(
        default={}, max_length=64, description="by the name of a testing criterion"
    )
    max_regression: Difference | None = Field(
        default=None,
        description="d: each grader's mean must not be lower than the current model's by more than d, with 95 % "
        "confidence over the same rows; null: the current model is not evaluated",
    )
    slice_by: str | None = Field(
        default=None, min_length=1, max_length=200, description="a property of the rows: results are shown by its value"
    )

    @model_validator(mode="after")
    def _require_decision(self) -> Self:
        if not self.thresholds and self.max_regression is None:
            raise ValueError("give thresholds or max_regression: without them nothing decides")
        try:
            size = len(json.dumps(self.model_dump(), ensure_ascii=False, allow_nan=False).encode())
        except ValueError as error:
            raise ValueError("NaN, infinities and lone surrogates are no JSON") from error
        if size > MAX_SUITE_BYTES:
            raise ValueError(f"the suite has {size:,} bytes, of at most {MAX_SUITE_BYTES:,}: upload the rows as a file")
        return self


StoredSuite = Annotated[
    Suite,
    BeforeValidator(lambda value: json.loads(value) if isinstance(value, str) else value),
    PlainSerializer(lambda suite: json.dumps(suite.model_dump(mode="json", exclude_none=True)), return_type=str),
]
"""Stored as text: names in it may hold dots and dollars, its numbers exceed 64 bits."""
