"""The graders: their definitions as OpenAI's client sends them, and how each grades."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator, model_validator
from pydantic_core import PydanticCustomError

from services.evaluation.errors import Unsupported
from services.evaluation.graders.formula import SYNTAX, Formula, FormulaError
from services.evaluation.graders.grades import (
    Backend,
    Grade,
    GradingFailed,
    ModelAnswer,
    ModelRequest,
    Sample,
    Sampling,
)
from services.evaluation.graders.messages import MessageTemplate
from services.evaluation.graders.templates import Variable, resolve, variables
from shared.runtime.errors import InvalidInput
from shared.scores import MAX_SCORE, Score, Share

Name = Annotated[str, Field(min_length=1, max_length=200)]
Template = Annotated[str, Field(max_length=100_000)]
METRICS = ("fuzzy_match", "bleu", "rouge_1", "rouge_2", "rouge_3", "rouge_4", "rouge_5", "rouge_l")
Metric = Literal[
    "cosine", "fuzzy_match", "bleu", "gleu", "meteor", "rouge_1", "rouge_2", "rouge_3", "rouge_4", "rouge_5", "rouge_l"
]
GRADER_TOKENS = 256
"""Tokens of a score model's answer, unless its definition says otherwise."""
MAX_SOURCE = 256 << 10
"""Characters of a Python grader, as in OpenAI's API."""
_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?")


class Definition(BaseModel):
    """What every grader has."""

    model_config = ConfigDict(extra="forbid")
    name: Name

    def variables(self, field: str) -> Iterator[Variable]:
        """The references of its templates; `field` is its place in the request. Raises InvalidTemplate."""
        raise NotImplementedError

    def requests(self, item: Any, sample: Sample) -> Sequence[ModelRequest]:
        """The prompts whose answers `grade` needs. Raises UnknownName."""
        return ()

    def grade(self, item: Any, sample: Sample, backend: Backend) -> Grade:
        """Grade an answer. Raises UnknownName or GradingFailed."""
        raise NotImplementedError

    @property
    def models(self) -> list[str]:
        """The models that it asks."""
        return []

    @property
    def scale(self) -> tuple[float, float]:
        """The lowest and the highest score that it can give."""
        return 0.0, 1.0


class StringCheck(Definition):
    """1 where the comparison holds, else 0; `like` and `ilike` mean that the input contains the reference."""

    type: Literal["string_check"]
    input: Template
    reference: Template
    operation: Literal["eq", "ne", "like", "ilike"]

    def variables(self, field: str) -> Iterator[Variable]:
        """Those of input and reference."""
        yield from variables(self.input, f"{field}.input")
        yield from variables(self.reference, f"{field}.reference")

    def grade(self, item: Any, sample: Sample, backend: Backend) -> Grade:
        """Compare input and reference."""
        text, reference = resolve(self.input, item, sample), resolve(self.reference, item, sample)
        holds = {
            "eq": text == reference,
            "ne": text != reference,
            "like": reference in text,
            "ilike": reference.casefold() in text.casefold(),
        }[self.operation]
        return Grade(float(holds), holds)


class TextSimilarity(Definition):
    """A similarity of two texts, 0 to 1."""

    type: Literal["text_similarity"]
    input: Template
    reference: Template
    evaluation_metric: Metric

    @field_validator("evaluation_metric")
    @classmethod
    def _require_library(cls, metric: str) -> str:
        if metric not in METRICS:
            needs = "an embedding model" if metric == "cosine" else "a library that this platform does not have"
            remedy = f"Use one of {', '.join(METRICS)}."
            detail = f"The metric {metric} needs {needs}."
            raise Unsupported(detail, field="evaluation_metric", limit=list(METRICS), remedy=remedy)
        return metric

    def variables(self, field: str) -> Iterator[Variable]:
        """Those of input and reference."""
        yield from variables(self.input, f"{field}.input")
        yield from variables(self.reference, f"{field}.reference")

    def grade(self, item: Any, sample: Sample, backend: Backend) -> Grade:
        """Compare input and reference. Without a threshold, only equal texts pass."""
        text, reference = resolve(self.input, item, sample), resolve(self.reference, item, sample)
        score = backend.similarity(self.evaluation_metric, text, reference)
        return Grade(score, score >= getattr(self, "pass_threshold", 1.0))


class ModelGrader(Definition):
    """A grader that asks a model."""

    model: Name
    input: list[MessageTemplate] = Field(min_length=1, max_length=100)

    @property
    def models(self) -> list[str]:
        """Its model."""
        return [self.model]

    def variables(self, field: str) -> Iterator[Variable]:
        """Those of its messages."""
        for index, message in enumerate(self.input):
            yield from message.variables(f"{field}.input.{index}.content")

    def _messages(self, item: Any, sample: Sample) -> tuple[tuple[str, str], ...]:
        rendered = [message.render(item, sample) for message in self.input]
        return tuple((message["role"], message["content"]) for message in rendered)

    def _ask(self, request: ModelRequest, backend: Backend) -> tuple[ModelAnswer, dict[str, Any]]:
        answer = backend.answer(request)
        if answer.error:
            raise GradingFailed(answer.error["code"], answer.error["message"])
        messages = [{"role": role, "content": content} for role, content in request.messages]
        output = [{"role": "assistant", "content": answer.text}]
        details = {"model": self.model, "input": messages, "output": output, "usage": answer.usage}
        details["answered_by"] = answer.answered_by
        return answer, details


class LabelModel(ModelGrader):
    """The label that the model finds likeliest as its whole answer; 1 where it is a passing one."""

    type: Literal["label_model"]
    labels: list[Annotated[str, Field(min_length=1, max_length=200)]] = Field(min_length=2, max_length=64)
    passing_labels: list[str] = Field(min_length=1)

    @model_validator(mode="after")
    def _check_labels(self) -> "LabelModel":
        unknown = [label for label in self.passing_labels if label not in self.labels]
        if unknown or len(set(self.labels)) < len(self.labels):
            detail = f"{unknown[0]!r} is not among the labels." if unknown else "A label is given twice."
            field = "passing_labels" if unknown else "labels"
            raise InvalidInput(detail, field=field, limit=self.labels, remedy="Give each label once, in labels.")
        return self

    def requests(self, item: Any, sample: Sample) -> Sequence[ModelRequest]:
        """Its one prompt."""
        return [ModelRequest(self.model, self._messages(item, sample), labels=tuple(self.labels))]

    def grade(self, item: Any, sample: Sample, backend: Backend) -> Grade:
        """Ask for the label."""
        answer, details = self._ask(self.requests(item, sample)[0], backend)
        passed = answer.text in self.passing_labels
        return Grade(float(passed), passed, {**details, "label": answer.text})


class GraderSampling(BaseModel):
    """How a score model answers; by default greedily."""

    model_config = ConfigDict(extra="forbid")
    max_completions_tokens: int | None = Field(default=None, ge=1, le=32_768)
    seed: int | None = Field(default=None, ge=0, lt=2**63)
    temperature: float | None = Field(default=None, ge=0, le=2)
    top_p: float | None = Field(default=None, gt=0, le=1)
    reasoning_effort: None = Field(default=None, description="not offered")

    def sampling(self) -> Sampling:
        """The same with its defaults."""
        return Sampling(
            temperature=self.temperature or 0.0,
            top_p=1.0 if self.top_p is None else self.top_p,
            seed=42 if self.seed is None else self.seed,
            max_tokens=self.max_completions_tokens or GRADER_TOKENS,
        )


class ScoreModel(ModelGrader):
    """The number that the model answers: the answer alone, or JSON with `result` or `score`."""

    type: Literal["score_model"]
    range: list[Score] = Field(default=[0.0, 1.0], min_length=2, max_length=2)
    sampling_params: GraderSampling | None = None

    @field_validator("range")
    @classmethod
    def _check_range(cls, value: list[float]) -> list[float]:
        if value[0] >= value[1]:
            raise ValueError("the first number must be lower than the second")
        return value

    @property
    def scale(self) -> tuple[float, float]:
        """Its range."""
        return self.range[0], self.range[1]

    def requests(self, item: Any, sample: Sample) -> Sequence[ModelRequest]:
        """Its one prompt."""
        sampling = (self.sampling_params or GraderSampling()).sampling()
        return [ModelRequest(self.model, self._messages(item, sample), sampling)]

    def grade(self, item: Any, sample: Sample, backend: Backend) -> Grade:
        """Ask for the score."""
        answer, details = self._ask(self.requests(item, sample)[0], backend)
        score, (low, high) = _read_score(answer.text), self.range
        if score is None or not low <= score <= high:
            detail = f"{self.model} answered {answer.text[:200]!r}, which is not a number from {low:g} to {high:g}."
            raise GradingFailed("model_grader_parse_error", detail)
        threshold = getattr(self, "pass_threshold", None)
        return Grade(score, score >= ((low + high) / 2 if threshold is None else threshold), details)


def _read_score(text: str) -> float | None:
    text = text.strip()
    if _NUMBER.fullmatch(text):
        return float(text)
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return None
    value: Any = (
        next((found[key] for key in ("result", "score") if key in found), None) if isinstance(found, dict) else None
    )
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if is_number and abs(value) < MAX_SCORE else None


class Python(Definition):
    """The number that `def grade(sample, item)` of its source returns, in a process that computes and nothing else."""

    type: Literal["python"]
    source: str = Field(min_length=1, max_length=MAX_SOURCE)
    image_tag: str | None = None

    @field_validator("image_tag")
    @classmethod
    def _refuse_image(cls, image_tag: str | None) -> str | None:
        if image_tag is not None:
            remedy = "Leave it out: the grader has this platform's Python and its packages."
            raise Unsupported("Images of Python graders are not offered.", field="image_tag", remedy=remedy)
        return image_tag

    @property
    def scale(self) -> tuple[float, float]:
        """Any number."""
        return -MAX_SCORE, MAX_SCORE

    def variables(self, field: str) -> Iterator[Variable]:
        """None: it gets the whole row."""
        yield from ()

    def grade(self, item: Any, sample: Sample, backend: Backend) -> Grade:
        """Run the source. Without a threshold, 1 passes, as for the other graders."""
        score, threshold = backend.run_python(self.source, sample, item), getattr(self, "pass_threshold", None)
        if not abs(score) < MAX_SCORE:  # nor is NaN
            detail = f"grade returned {score:g}; scores are between {-MAX_SCORE:g} and {MAX_SCORE:g}."
            raise GradingFailed("python_grader_runtime_error", detail)
        return Grade(score, score >= (1.0 if threshold is None else threshold))


Single = Annotated[StringCheck | TextSimilarity | LabelModel | ScoreModel | Python, Field(discriminator="type")]


class Multi(Definition):
    """A formula over the scores of several graders, by the names that they have in `graders`."""

    type: Literal["multi"]
    graders: dict[Annotated[str, Field(pattern=r"^[A-Za-z_]\w{0,63}$")], Single] = Field(min_length=1, max_length=32)
    calculate_output: str

    @field_validator("graders", mode="before")
    @classmethod
    def _name_single(cls, graders: Any) -> Any:
        """One grader may stand alone, as OpenAI's client types it."""
        is_single = isinstance(graders, Mapping) and isinstance(graders.get("name"), str)
        return {graders["name"]: graders} if is_single else graders

    @model_validator(mode="after")
    def _check_formula(self) -> "Multi":
        try:
            Formula(self.calculate_output, self.graders)
        except FormulaError as error:
            detail = f"calculate_output cannot be used: {error}"
            raise InvalidInput(detail, field="calculate_output", limit=SYNTAX, remedy="Correct the formula.") from error
        return self

    @property
    def models(self) -> list[str]:
        """Those of its graders."""
        return [model for grader in self.graders.values() for model in grader.models]

    def variables(self, field: str) -> Iterator[Variable]:
        """Those of its graders."""
        for name, grader in self.graders.items():
            yield from grader.variables(f"{field}.graders.{name}")

    def requests(self, item: Any, sample: Sample) -> Sequence[ModelRequest]:
        """Those of its graders."""
        return [request for grader in self.graders.values() for request in grader.requests(item, sample)]

    def grade(self, item: Any, sample: Sample, backend: Backend) -> Grade:
        """Grade with each, then combine."""
        grades = {name: grader.grade(item, sample, backend) for name, grader in self.graders.items()}
        scores = {name: grade.score for name, grade in grades.items()}
        try:
            score = Formula(self.calculate_output, self.graders).evaluate(scores)
        except FormulaError as error:
            raise GradingFailed("formula_parse_error", str(error)) from error
        parts = [grade.details for grade in grades.values() if "usage" in grade.details]
        return Grade(score, all(grade.passed for grade in grades.values()), {"scores": scores, "parts": parts})


Grader = Annotated[StringCheck | TextSimilarity | LabelModel | ScoreModel | Python | Multi, Field(discriminator="type")]


class TextSimilarityCriterion(TextSimilarity):
    """A text similarity that passes from a threshold on."""

    pass_threshold: Share


class ScoreModelCriterion(ScoreModel):
    """A score that passes from a threshold on; without one, from the middle of its range."""

    pass_threshold: Score | None = None

    @field_validator("pass_threshold")
    @classmethod
    def _require_reachable(cls, value: float | None, info: ValidationInfo) -> float | None:
        low, high = info.data.get("range", (-MAX_SCORE, MAX_SCORE))  # without: refused itself
        if value is not None and not low <= value <= high:
            limit = {"ge": low, "le": high}
            raise PydanticCustomError("number_range", "a number of the range {ge} to {le} is needed", limit)
        return value


class PythonCriterion(Python):
    """A Python grader that passes from a threshold on; without one, at 1."""

    pass_threshold: Score | None = None


Criterion = Annotated[
    StringCheck | TextSimilarityCriterion | LabelModel | ScoreModelCriterion | PythonCriterion,
    Field(discriminator="type"),
]
