"""What the API shows of an estimate."""

from dataclasses import dataclass
from typing import Any, Literal

from pydantic import BaseModel, Field

from services.training.estimates.preflight import Verdict
from services.training.models import Method

Source = Literal["jobs", "formula"]


@dataclass(frozen=True)
class Pace:
    """Tokens per second: of the last jobs like it, or by a formula."""

    tokens_per_second: float
    source: Source


@dataclass(frozen=True)
class Warned:
    """Something that will work, and perhaps not as hoped."""

    code: str
    detail: str
    remedy: str | None

    def view(self) -> "EstimateWarning":
        """For the API."""
        return EstimateWarning(code=self.code, detail=self.detail, remedy=self.remedy)


class EstimateWarning(BaseModel):
    """Something that will work, and perhaps not as hoped."""

    code: str
    detail: str
    remedy: str | None


class MemoryParts(BaseModel):
    """Bytes by part, at the worst moment of the run."""

    weights: int = Field(description="the base as loaded, and the adapter")
    gradients: int
    optimizer: int = Field(description="two moments per trained weight")
    activations: int = Field(description="what a micro-batch keeps for the way back")
    logits: int = Field(description="of the trained tokens, with their softmax and gradient")
    overhead: int = Field(description="what the allocator holds beyond these, and the engine itself")
    libraries: int = Field(description="torch, transformers and peft, imported")


class Fits(BaseModel):
    """Settings that would fit."""

    changes: dict[str, Any]
    total: int = Field(description="bytes with them")


class LengthsView(BaseModel):
    """Tokens of the training rows within max_length; shares are of one."""

    counted: int = Field(description="rows that were tokenized, evenly spread")
    max_length: int
    mean: float
    longest: int
    trained_share: float = Field(description="of the tokens")
    truncated_share: float = Field(description="of the rows: cut, so they do not show how an answer ends")
    untrained_share: float = Field(description="of the rows: no token to learn, set aside")


class Measured(BaseModel):
    """What two real steps of the heaviest micro-batch took."""

    peak: int = Field(description="bytes beyond the imported libraries; on a GPU, those of its allocator")
    step_seconds: float
    step_tokens: int


class Estimate(BaseModel):
    """What a job would need, before it is queued. Null is what is not known of the base or the machine."""

    base: str
    method: Method
    verdict: Verdict = Field(description="tight: above 85 % of the limit; unknown: nothing is refused")
    parameters: int
    trainable_parameters: int | None
    dtype: str | None = Field(
        description="what the weights are computed in; for auto, what the engine will likely find"
    )
    memory: MemoryParts | None
    total: int | None = Field(description="bytes, all parts together: in a step")
    loading: int | None = Field(
        description="bytes while the model is loaded; most are pages of files that the kernel can take back"
    )
    limit: int | None = Field(description="bytes of the machine, or of the GPUs, that the job may run on")
    fitting: list[Fits] = Field(description="what would fit instead, mildest first")
    steps: int
    tokens: int | None = Field(description="computed over the whole job")
    tokens_per_second: float | None
    pace: Source | None = Field(description="jobs: the last ones on this base with this method; formula: by the cores")
    seconds: float | None = Field(description="of training")
    lengths: LengthsView | None = Field(description="null where the rows could not be counted")
    measured: Measured | None = Field(description="by a dry run, where one was asked for")
    hyperparameters: dict[str, Any] = Field(description="every setting as resolved")
    warnings: list[EstimateWarning]
