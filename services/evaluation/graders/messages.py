"""Messages with templates: the prompts of model graders, and of the model that an eval runs."""

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from services.evaluation.errors import Unsupported
from services.evaluation.graders.templates import Variable, resolve, variables
from shared.content_parts import TEXT_PARTS, join_texts, media_name


class TextPart(BaseModel):
    """A text part of a content."""

    model_config = ConfigDict(extra="forbid")
    type: Literal["text", "input_text", "output_text"]
    text: str


Content = str | TextPart | Annotated[list[str | TextPart], Field(min_length=1, max_length=100)]


class MessageTemplate(BaseModel):
    """A message, whose texts may hold templates."""

    model_config = ConfigDict(extra="forbid")
    role: Literal["user", "assistant", "system", "developer"]
    content: Content
    type: Literal["message"] = "message"

    @model_validator(mode="before")
    @classmethod
    def _refuse_media(cls, message: Any) -> Any:
        parts = message.get("content") if isinstance(message, Mapping) else None
        for part in parts if isinstance(parts, list) else [parts]:
            kind = part.get("type") if isinstance(part, Mapping) else None
            if isinstance(kind, str) and kind not in TEXT_PARTS and media_name(kind):
                remedy = "Write what it shows as text."
                detail = f"A content of the type {kind} is not supported: models here read text."
                raise Unsupported(detail, field="content", limit=list(TEXT_PARTS), remedy=remedy)
        return message

    @property
    def texts(self) -> list[str]:
        """The texts of the content."""
        parts = self.content if isinstance(self.content, list) else [self.content]
        return [part if isinstance(part, str) else part.text for part in parts]

    def variables(self, field: str) -> Iterator[Variable]:
        """The references of its templates. Raises InvalidTemplate."""
        for text in self.texts:
            yield from variables(text, field)

    def render(self, item: Any, sample: Mapping[str, Any]) -> dict[str, str]:
        """The message for a chat template: `developer` as `system`. Raises UnknownName."""
        content = join_texts(resolve(text, item, sample) for text in self.texts)
        return {"role": "system" if self.role == "developer" else self.role, "content": content}
