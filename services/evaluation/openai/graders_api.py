"""HTTP: OpenAI's graders API: check a grader's definition, and try it on one answer."""

from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from services.evaluation.evals.graders import GraderRuns
from services.evaluation.graders.definitions import Grader
from services.evaluation.json_object import JsonObject
from shared.runtime.http.principal import Caller

FLAGS = (
    "formula_parse_error",
    "invalid_variable_error",
    "model_grader_parse_error",
    "model_grader_refusal_error",
    "model_grader_server_error",
    "other_error",
    "python_grader_runtime_error",
    "python_grader_server_error",
    "sample_parse_error",
    "truncated_observation_error",
    "unresponsive_reward_error",
)
"""OpenAI's errors; those that cannot occur here are false."""


class GraderRequest(BaseModel):
    """A grader to check."""

    model_config = ConfigDict(extra="forbid")
    grader: Grader = Field(description="label_model, which OpenAI's API does not take here, is accepted as well")

    @property
    def definition(self) -> dict[str, Any]:
        """The grader, as it was sent."""
        sent: dict[str, Any] = self.grader.model_dump(mode="json", exclude_unset=True)
        return sent

    def check(self) -> None:
        """Raise InvalidTemplate for a template that no row could fill."""
        for variable in self.grader.variables("grader"):
            variable.check({}, with_sample=True, field="grader")


class GraderRunRequest(GraderRequest):
    """A grader to try on an answer."""

    model_sample: str = Field(max_length=1_000_000, description="the answer")
    item: JsonObject | None = Field(default=None, description="the row")


class GraderView(BaseModel):
    """The grader, as it was sent."""

    grader: dict[str, Any]


class GraderMetadata(BaseModel):
    """How a grader came to its score."""

    name: str
    type: str
    errors: dict[str, Any]
    execution_time: float = Field(description="seconds")
    scores: dict[str, Any]
    token_usage: int | None
    sampled_model_name: str | None


class GraderRunView(BaseModel):
    """The score of one answer; 0 with an error in the metadata where it could not be graded."""

    reward: float
    sub_rewards: dict[str, float]
    metadata: GraderMetadata
    model_grader_token_usage_per_model: dict[str, Any]


def routes(graders: GraderRuns) -> APIRouter:
    """The routes below /v1/fine_tuning/alpha/graders."""
    router = APIRouter(prefix="/v1/fine_tuning/alpha/graders", tags=["Evaluation"])

    @router.post("/validate")
    async def validate_grader(body: GraderRequest, caller: Caller) -> GraderView:
        """Check a grader: its fields, its templates and its models."""
        body.check()
        await graders.require_python({"grader": body.definition})
        await graders.require_models(caller.project, body.grader)
        return GraderView(grader=body.definition)

    @router.post("/run")
    async def run_grader(body: GraderRunRequest, caller: Caller) -> GraderRunView:
        """Grade one answer."""
        body.check()
        await graders.require_python({"grader": body.definition})
        result, seconds = await graders.run(caller.project, body.grader, body.item or {}, body.model_sample)
        return _view(body.grader, result, seconds)

    return router


def _view(grader: Any, result: dict[str, Any], seconds: float) -> GraderRunView:
    details = result["sample"] or {}
    scores = details.get("scores", {})
    tokens: dict[str, int] = {}
    for part in details.get("parts", [details]):
        if "usage" in part:
            tokens[part["model"]] = tokens.get(part["model"], 0) + part["usage"]["total_tokens"]
    return GraderRunView(
        reward=result["score"],
        sub_rewards=scores,
        metadata=GraderMetadata(
            name=grader.name,
            type=grader.type,
            errors=_errors(result.get("error"), bool(grader.models)),
            execution_time=round(seconds, 3),
            scores=scores or {grader.name: result["score"]},
            token_usage=sum(tokens.values()) if tokens else None,
            sampled_model_name=grader.models[0] if len(set(grader.models)) == 1 else None,
        ),
        model_grader_token_usage_per_model=tokens,
    )


def _errors(error: dict[str, str] | None, asks_model: bool) -> dict[str, Any]:
    flags: dict[str, Any] = dict.fromkeys(FLAGS, False)
    flags |= {"model_grader_server_error_details": None, "python_grader_runtime_error_details": None}
    flags["python_grader_server_error_type"] = None
    if error and error["code"] == "python_grader_runtime_error":
        flags["python_grader_runtime_error_details"] = error["message"]
    if error:
        other = "model_grader_server_error" if asks_model else "other_error"
        flags[error["code"] if error["code"] in FLAGS else other] = True
        flags["model_grader_server_error_details"] = error["message"] if asks_model else None
        flags["message"] = error["message"]  # not in OpenAI's API
    return flags
