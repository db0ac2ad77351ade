"""Stored answers and feedback on them: entities, request and views. Pure."""

import hashlib
import json
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from shared.documents.entities import Entity, Public
from shared.runtime.http.display_name import DisplayName

Kind = Literal["preferences", "ratings"]
Verdict = Literal["good", "bad", "preferred", "tie"]
LeftOut = Literal["tie", "same_answer", "empty_answer", "cut_off"]
ResponseId = Annotated[str, Field(min_length=1, max_length=100)]


def digest(value: Any) -> str:
    """Equal for equal JSON."""
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:32]


class StoredResponse(Entity):
    """A chat completion that its caller asked to store."""

    NOUN: ClassVar[str] = "stored response"

    by: str = Field(description="the caller: a key or a user")
    model_id: str = Field(description="the model that answered")
    content: str = Field(description="JSON of the prompt (messages, tools, template variables) and the completion")
    rated: bool = Field(default=False, description="whether there is feedback on it, which keeps it")

    @classmethod
    def of(cls, project: str, by: str, model_id: str, prompt: Mapping[str, Any], completion: Mapping[str, Any]) -> Self:
        """The entity of a completion with one choice."""
        content = json.dumps({"prompt": {k: v for k, v in prompt.items() if v}, "completion": completion})
        return cls(id=completion["id"], project=project, by=by, model_id=model_id, content=content)

    @property
    def size(self) -> int:
        """Of its content, in bytes."""
        return len(self.content)

    @property
    def prompt(self) -> dict[str, Any]:
        """What was asked: messages, and where the request had them tools and chat_template_kwargs."""
        return dict(json.loads(self.content)["prompt"])

    @property
    def completion(self) -> dict[str, Any]:
        """The completion in OpenAI's format."""
        return dict(json.loads(self.content)["completion"])

    @property
    def answer(self) -> dict[str, Any]:
        """The assistant's message, without fields that have no value."""
        return {name: value for name, value in self._choice["message"].items() if value is not None}

    @property
    def answer_key(self) -> str:
        """Equal for equal answers: the ids of tool calls are random."""
        calls = [call["function"] for call in self.answer.get("tool_calls") or ()]
        return digest({**self.answer, "tool_calls": calls})

    @property
    def _choice(self) -> dict[str, Any]:
        return dict(self.completion["choices"][0])

    @property
    def empty(self) -> bool:
        """Whether the model said nothing and called no tool."""
        return not (self.answer.get("content") or "").strip() and not self.answer.get("tool_calls")

    @property
    def cut_off(self) -> bool:
        """Whether the token limit ended the answer."""
        return bool(self._choice["finish_reason"] == "length")


class Feedback(Entity):
    """One person's or key's verdict on one answer, or on two answers to the same prompt."""

    NOUN: ClassVar[str] = "feedback"
    LISTED_AT: ClassVar[str] = "/feedback"

    by: str = Field(description="the caller: a key or a user")
    kind: Kind
    verdict: Verdict
    first: str = Field(description="id of the response; of two, the preferred one, or of a tie the smaller id")
    second: str | None = Field(default=None, description="id of the other response")
    comment: str | None = None
    models: list[str] = Field(description="ids of the models that answered, in the same order")
    prompt_key: str = Field(description="hash of the prompt")
    answer_keys: list[str] = Field(description="hashes of the answers, in the same order")
    left_out: LeftOut | None = Field(default=None, description="why no dataset has it; null: datasets may have it")

    def replace(self, newer: "Feedback") -> None:
        """Take over a later verdict of the same caller on the same answers."""
        for name in ("verdict", "first", "second", "comment", "models", "answer_keys", "left_out"):
            setattr(self, name, getattr(newer, name))


def judge(verdict: Verdict, responses: list[StoredResponse]) -> LeftOut | None:
    """Why a verdict cannot be trained on, or None."""
    if verdict == "tie":
        return "tie"
    if any(response.empty for response in responses):
        return "empty_answer"
    if len({response.answer_key for response in responses}) < len(responses):
        return "same_answer"
    return "cut_off" if verdict in ("good", "preferred") and responses[0].cut_off else None


class FeedbackRequest(BaseModel):
    """A rating of one answer, a preference between two answers to the same prompt, or a tie of two."""

    model_config = ConfigDict(extra="forbid")

    response: ResponseId | None = Field(default=None, description="id of the completion that is rated")
    rating: Literal["good", "bad"] | None = Field(default=None, description="of `response`")
    chosen: ResponseId | None = Field(default=None, description="id of the better completion")
    rejected: ResponseId | None = Field(default=None, description="id of the worse completion")
    tie: list[ResponseId] | None = Field(
        default=None, min_length=2, max_length=2, description="ids of two completions of which neither is better"
    )
    comment: DisplayName | None = Field(default=None, max_length=2000, description="why")

    @model_validator(mode="after")
    def _one_verdict(self) -> Self:
        given = {name for name in ("response", "rating", "chosen", "rejected", "tie") if getattr(self, name)}
        if given not in ({"response", "rating"}, {"chosen", "rejected"}, {"tie"}):
            raise ValueError("give response and rating, or chosen and rejected, or tie")
        if len(set(self.responses)) < len(self.responses):
            raise ValueError("both are the same response")
        return self

    @property
    def verdict(self) -> Verdict:
        """What it says about `responses`."""
        return self.rating or ("tie" if self.tie else "preferred")

    @property
    def responses(self) -> list[str]:
        """The ids: the preferred one first, those of a tie sorted."""
        return sorted(self.tie) if self.tie else [id for id in (self.response, self.chosen, self.rejected) if id]


class FeedbackView(Public):
    """Feedback."""

    by: str = Field(description="the key or user whose verdict it is")
    verdict: Verdict
    responses: list[str] = Field(description="ids of the completions: the preferred one first")
    models: list[str] = Field(description="ids of the models that answered, in the same order")
    comment: str | None
    left_out: LeftOut | None = Field(
        description="why no dataset has it: a tie, equal answers, an empty answer, or a good answer that the token "
        "limit cut off; null: datasets have it"
    )

    @classmethod
    def of(cls, feedback: Feedback) -> Self:
        """The view."""
        fields = feedback.model_dump(include={*cls.model_fields})
        return cls(**fields, responses=[id for id in (feedback.first, feedback.second) if id])


class ModelVotes(BaseModel):
    """What feedback says about one model."""

    model_id: str
    wins: int = Field(default=0, description="preferences for its answer")
    losses: int = Field(default=0, description="preferences for the other answer")
    ties: int = 0
    good: int = 0
    bad: int = 0


class DataSummary(BaseModel):
    """The data that feedback of one kind becomes."""

    feedback: int = Field(description="verdicts")
    rows: int = Field(description="rows of a dataset of it")
    left_out: dict[str, int] = Field(
        description="verdicts that no row has, by the reason: tie, same_answer, empty_answer, cut_off, contradicted "
        "(as many say the opposite, or more), repeated (another row says the same)"
    )


class FeedbackSummary(BaseModel):
    """Counts of a project's feedback."""

    preferences: DataSummary
    ratings: DataSummary
    models: list[ModelVotes] = Field(description="most verdicts first")
