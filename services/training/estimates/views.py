"""What the API shows of an estimate."""

from typing import Any

from pydantic import BaseModel, Field

from services.training.estimates.duration import Source
from services.training.estimates.feasibility import Verdict
from services.training.models import Method
from shared.warnings import ReportedWarning


class Times(BaseModel):
    """Seconds by what they are spent on."""

    training: float
    evaluations: float = Field(description="during training, with their sample answers")
    checkpoints: float


class MemoryParts(BaseModel):
    """Bytes by part, at the peak of the run."""

    weights: int = Field(description="the base model as loaded, and the adapter")
    gradients: int
    optimizer: int = Field(description="two moments per trained weight")
    activations: int = Field(description="of one micro-batch, stored for the backward pass")
    logits: int = Field(description="of the trained tokens, with their softmax and gradient")
    overhead: int = Field(description="what the allocator holds beyond these parts, and the engine itself")
    libraries: int = Field(description="torch, transformers and peft, imported")


class Fits(BaseModel):
    """Settings that would fit."""

    changes: dict[str, Any]
    total: int = Field(description="bytes with these settings")


class LengthsView(BaseModel):
    """Tokens of the training rows within max_length; shares are from 0 to 1."""

    counted: int = Field(description="rows that were tokenized, evenly sampled")
    max_length: int
    mean: float
    longest: int
    trained_share: float = Field(description="of the tokens")
    truncated_share: float = Field(description="of the rows: cut, so they do not show how an answer ends")
    untrained_share: float = Field(description="of the rows: no token to learn, so they are skipped")


class Measured(BaseModel):
    """Measurements of two real steps of the heaviest micro-batch."""

    peak: int = Field(description="bytes beyond the imported libraries; on a GPU, bytes of its allocator")
    step_seconds: float
    step_tokens: int


class Estimate(BaseModel):
    """What a job needs, before it is queued. Values that are unknown for the base model or the machine are null."""

    base: str
    method: Method
    verdict: Verdict = Field(description="tight: above 85 % of the limit; unknown: nothing is refused")
    parameters: int
    trainable_parameters: int | None
    dtype: str | None = Field(description="computing dtype of the job; on a Ray cluster, what auto will likely be")
    memory: MemoryParts | None
    total: int | None = Field(description="bytes of all parts together, at the peak of a step")
    loading: int | None = Field(
        description="bytes while the model is loaded; most are file pages that the kernel can reclaim"
    )
    limit: int | None = Field(description="bytes of the machine, or of the GPUs, that the job may run on")
    fitting: list[Fits] = Field(description="what would fit instead, smallest change first")
    steps: int
    tokens: int | None = Field(description="computed over the whole job")
    tokens_per_second: float | None
    pace: Source | None = Field(
        description="jobs: measured by the last jobs on this base model with this method; formula: from the cores"
    )
    seconds: float | None = Field(
        description="of training, evaluations and checkpoints; not of starting the engine, or of what follows the job"
    )
    times: Times | None = Field(description="the parts of `seconds`")
    lengths: LengthsView | None = Field(description="null where the rows could not be counted")
    measured: Measured | None = Field(description="by a dry run, where one was requested")
    hyperparameters: dict[str, Any] = Field(description="every setting as resolved")
    warnings: list[ReportedWarning]
