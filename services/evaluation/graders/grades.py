"""What graders receive and return: grades, and the answers of models that some of them need."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

MAX_OPEN_REQUESTS = 32
"""Requests to inference at once, of all runs of a process: a quarter of the rows that it decodes for a project."""
Sample = Mapping[str, Any]
"""The sample namespace: `output_text`, and `output_json` where the output is JSON."""


class GradingFailed(Exception):
    """A row cannot be graded: a stable `code`, a sentence, and the details that a grade would have."""

    def __init__(self, code: str, message: str, details: Mapping[str, Any] | None = None) -> None:
        super().__init__(message)
        self.code, self.message, self.details = code, message, details


@dataclass(frozen=True)
class Sampling:
    """How a model answers; temperature 0 is greedy. `max_tokens` None: the rest of the context."""

    temperature: float = 0.0
    top_p: float = 1.0
    seed: int = 42
    max_tokens: int | None = None


@dataclass(frozen=True)
class ModelRequest:
    """A prompt for a grader's model. With `labels`, it answers with the likeliest of them instead of free text."""

    model: str
    messages: tuple[tuple[str, str], ...]
    """Role and content of each message."""
    sampling: Sampling = Sampling()
    labels: tuple[str, ...] = ()


@dataclass(frozen=True)
class ModelAnswer:
    """A model's answer, why it ended, and its tokens; `error` where there is none."""

    text: str = ""
    finish_reason: str = "stop"
    prompt_tokens: int = 0
    completion_tokens: int = 0
    error: Mapping[str, str] | None = None
    answered_by: Literal["inference", "evaluation", "endpoint"] = "evaluation"
    """The service whose engine gave it, or an endpoint elsewhere."""

    @property
    def usage(self) -> dict[str, int]:
        """Its tokens in OpenAI's format. No prompt is cached."""
        total = self.prompt_tokens + self.completion_tokens
        counts = {"prompt_tokens": self.prompt_tokens, "completion_tokens": self.completion_tokens}
        return {**counts, "total_tokens": total, "cached_tokens": 0}


OnAnswer = Callable[[int, ModelAnswer], None]
"""Called with the place of a conversation and its answer."""


class Backend(Protocol):
    """What graders need of the engine."""

    def answer(self, request: ModelRequest) -> ModelAnswer:
        """The answer to a request that the grader named before."""

    def similarity(self, metric: str, text: str, reference: str) -> float:
        """The similarity of two texts by a metric, 0 to 1."""

    def run_python(self, source: str, sample: Sample, item: Any) -> float:
        """What `grade(sample, item)` of a Python source returns. Raises GradingFailed."""


@dataclass(frozen=True)
class Grade:
    """A score, whether it passes, and details: `model`, `usage` and `output` of a model, `scores` of the parts."""

    score: float
    passed: bool
    details: Mapping[str, Any] = field(default_factory=dict)
