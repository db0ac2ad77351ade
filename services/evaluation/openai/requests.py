"""The requests of OpenAI's evals API, and what of them is not offered here."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    TypeAdapter,
    ValidationError,
    model_validator,
)

from services.evaluation.errors import Unsupported
from services.evaluation.evals.item_schema import check_schema, check_value
from services.evaluation.evals.models import MAX_ITEMS, Eval
from services.evaluation.graders.definitions import Criterion
from services.evaluation.graders.input_messages import InputMessages
from services.evaluation.graders.templates import InvalidTemplate
from services.evaluation.json_object import JsonObject
from shared.runtime.errors import InvalidInput
from shared.runtime.http.display_name import refuse_hidden

Text = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200), AfterValidator(refuse_hidden)
]
Metadata = Annotated[
    dict[Annotated[str, Field(max_length=64)], Annotated[str, Field(max_length=512)]], Field(max_length=16)
]


CRITERIA: TypeAdapter[list[Any]] = TypeAdapter(list[Criterion])
NOT_OFFERED = {
    "logs": "Evals of logged completions are not offered",
    "stored_completions": "Completions are not stored here",
    "responses": "The Responses API is not offered",
}


def _refuse(value: Any, field: str, offered: list[str]) -> None:
    """Raise Unsupported for a type of OpenAI's that does not exist here."""
    kind = value.get("type") if isinstance(value, Mapping) else None
    if isinstance(kind, str) and kind in NOT_OFFERED:
        remedy = f"Use the type {' or '.join(offered)}."
        raise Unsupported(f"{NOT_OFFERED[kind]}.", field=field, limit=offered, remedy=remedy)


class DataSourceConfig(BaseModel):
    """The schema of the rows; `include_sample_schema`: there is an answer to grade, beside the row."""

    model_config = ConfigDict(extra="forbid")
    type: Literal["custom"]
    item_schema: JsonObject
    include_sample_schema: bool = False


class EvalRequest(BaseModel):
    """An eval to create."""

    model_config = ConfigDict(extra="forbid")
    data_source_config: DataSourceConfig
    testing_criteria: list[Criterion] = Field(min_length=1, max_length=64)
    metadata: Metadata | None = None
    name: Text | None = None

    @model_validator(mode="before")
    @classmethod
    def _refuse_types(cls, body: Any) -> Any:
        if isinstance(body, Mapping):
            _refuse(body.get("data_source_config"), "data_source_config.type", ["custom"])
            criteria = body.get("testing_criteria")
            for index, criterion in enumerate(criteria if isinstance(criteria, list) else ()):
                if isinstance(criterion, Mapping) and criterion.get("type") == "multi":
                    limit = ["string_check", "text_similarity", "label_model", "score_model", "python"]
                    remedy = "List its graders as criteria of their own."
                    detail = "A multi grader is no testing criterion: OpenAI's API has it for rewards alone."
                    raise Unsupported(detail, field=f"testing_criteria.{index}.type", limit=limit, remedy=remedy)
        return body

    def check(self) -> None:
        """Raise InvalidInput for a schema, a name or a template that no run could use."""
        config = self.data_source_config
        check_schema(config.item_schema, "data_source_config.item_schema")
        names = [criterion.name for criterion in self.testing_criteria]
        if repeated := next((name for name in names if names.count(name) > 1), None):
            remedy = "Give each criterion a name of its own: results are counted by it."
            raise InvalidInput(f"Two criteria are named {repeated!r}.", field="testing_criteria", remedy=remedy)
        for index, criterion in enumerate(self.testing_criteria):
            field = f"testing_criteria.{index}"
            for variable in criterion.variables(field):
                variable.check(config.item_schema, with_sample=config.include_sample_schema, field=field)

    def fields(self) -> dict[str, Any]:
        """What the eval stores."""
        return {
            "name": self.name,
            "metadata": self.metadata,
            "item_schema": self.data_source_config.item_schema,
            "include_sample": self.data_source_config.include_sample_schema,
            "testing_criteria": [each.model_dump(mode="json", exclude_unset=True) for each in self.testing_criteria],
        }


class EvalUpdate(BaseModel):
    """Changes of an eval: those that are sent."""

    model_config = ConfigDict(extra="forbid")
    name: Text = ""
    metadata: Metadata | None = None

    def changes(self) -> dict[str, Any]:
        """The new values; null removes the metadata."""
        return {name: getattr(self, name) for name in self.model_fields_set}


class GivenSample(BaseModel):
    """An answer that a row holds."""

    model_config = ConfigDict(extra="forbid")
    output_text: str


class ContentRow(BaseModel):
    """A row in the request."""

    model_config = ConfigDict(extra="forbid")
    item: JsonObject
    sample: GivenSample | None = None


class FileContent(BaseModel):
    """Rows in the request."""

    model_config = ConfigDict(extra="forbid")
    type: Literal["file_content"]
    content: list[ContentRow] = Field(min_length=1, max_length=MAX_ITEMS)


class FileId(BaseModel):
    """Rows of an uploaded file, which is a dataset."""

    model_config = ConfigDict(extra="forbid")
    type: Literal["file_id"]
    id: str = Field(min_length=1, max_length=200)


Source = Annotated[FileContent | FileId, Field(discriminator="type")]


class SamplingParams(BaseModel):
    """How the model answers. By default temperature 1, top_p 1, seed 42, and the rest of the context."""

    model_config = ConfigDict(extra="forbid")
    max_completion_tokens: int | None = Field(default=None, ge=1, le=32_768)
    seed: int | None = Field(default=None, ge=0, lt=2**63)
    temperature: float | None = Field(default=None, ge=0, le=2)
    top_p: float | None = Field(default=None, gt=0, le=1)

    @model_validator(mode="before")
    @classmethod
    def _refuse_others(cls, params: Any) -> Any:
        if not isinstance(params, Mapping):
            return params
        unused: dict[str, tuple[Any, ...]] = {
            "tools": ([], None),
            "reasoning_effort": (None, "none"),
            "response_format": (None, {"type": "text"}),
        }
        for name, values in unused.items():
            if name in params and params[name] not in values:
                remedy = f"Leave {name} out."
                detail = f"Runs do not support {name}: models answer in plain text."
                raise Unsupported(detail, field=f"data_source.sampling_params.{name}", remedy=remedy)
        return {name: value for name, value in params.items() if name not in unused}


class Jsonl(BaseModel):
    """Rows to grade as they are."""

    model_config = ConfigDict(extra="forbid")
    type: Literal["jsonl"]
    source: Source


class CompletionsSource(BaseModel):
    """Rows that a model answers first."""

    model_config = ConfigDict(extra="forbid")
    type: Literal["completions"]
    source: Source
    model: str = Field(min_length=1, max_length=200)
    input_messages: InputMessages
    sampling_params: SamplingParams | None = None


class RunRequest(BaseModel):
    """A run to start."""

    model_config = ConfigDict(extra="forbid")
    data_source: Annotated[Jsonl | CompletionsSource, Field(discriminator="type")]
    metadata: Metadata | None = None
    name: Text | None = None

    @model_validator(mode="before")
    @classmethod
    def _refuse_types(cls, body: Any) -> Any:
        source = body.get("data_source") if isinstance(body, Mapping) else None
        if isinstance(source, Mapping):
            _refuse(source, "data_source.type", ["jsonl", "completions"])
            _refuse(source.get("source"), "data_source.source.type", ["file_content", "file_id"])
        return body

    def check(self, found: Eval) -> None:
        """Raise InvalidInput for rows, samples or messages that the eval cannot use."""
        criteria_of(found)
        answered = isinstance(self.data_source, CompletionsSource)
        if answered and not found.include_sample:
            remedy = "Use a data source of the type jsonl, or create the eval with include_sample_schema: true."
            detail = "The eval grades rows without samples, and would not look at a model's answers."
            raise InvalidInput(detail, field="data_source.type", limit="jsonl", remedy=remedy)
        if isinstance(self.data_source, CompletionsSource):
            for variable in self.data_source.input_messages.variables("data_source.input_messages"):
                if variable.namespace == "sample":
                    detail = f"{variable.text} does not exist before the model has answered."
                    raise InvalidTemplate(
                        detail, field="data_source.input_messages", limit="item", remedy="Use names of the item."
                    )
                variable.check(found.item_schema, with_sample=False, field="data_source.input_messages")
        if isinstance(self.data_source.source, FileContent):
            _check_rows(self.data_source.source.content, found, with_samples=found.include_sample and not answered)
        elif found.include_sample and not answered:
            remedy = "Use a data source of the type completions, or file_content whose rows have a sample."
            detail = "Files have no samples, and the eval grades them."
            raise InvalidInput(detail, field="data_source.source.type", limit="file_content", remedy=remedy)

    def models(self, found: Eval) -> dict[str, str]:
        """The models that the run asks, each with the field that names it."""
        asked = grader_models(found.testing_criteria)
        if isinstance(self.data_source, CompletionsSource):
            asked[self.data_source.model] = "data_source.model"
        return asked


def criteria_of(found: Eval) -> list[Any]:
    """The eval's criteria. Raises InvalidInput for one that an earlier version took, and that cannot be used."""
    try:
        return CRITERIA.validate_python(found.testing_criteria)
    except ValidationError as error:
        first = error.errors()[0]
        index, _, *parts = first["loc"]
        detail = f"The eval's criterion {index} cannot be used: {first['msg']}."
        field = ".".join(map(str, ("testing_criteria", index, *parts)))
        remedy = "Create the eval again, with a criterion that can."
        raise InvalidInput(detail, field=field, limit=first.get("ctx"), remedy=remedy) from error


def by_field(criteria: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Criteria by their place in a request."""
    return {f"testing_criteria.{index}": criterion for index, criterion in enumerate(criteria)}


def grader_models(criteria: list[dict[str, Any]]) -> dict[str, str]:
    """The models that criteria ask, each with the field that names it."""
    return {each["model"]: f"testing_criteria.{i}.model" for i, each in enumerate(criteria) if "model" in each}


def _check_rows(rows: list[ContentRow], found: Eval, *, with_samples: bool) -> None:
    for index, row in enumerate(rows):
        field = f"data_source.source.content.{index}"
        check_value(found.item_schema, row.item, f"{field}.item")
        if with_samples != (row.sample is not None):
            detail = "The row has no sample to grade." if with_samples else "The row's sample would not be used."
            remedy = 'Send sample: {"output_text": …}, or let a model answer.' if with_samples else "Leave it out."
            raise InvalidInput(detail, field=f"{field}.sample", remedy=remedy)
