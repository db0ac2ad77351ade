"""The messages that an eval's model gets for a row: templates, or a conversation that the row holds."""

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from services.evaluation.graders.messages import MessageTemplate
from services.evaluation.graders.templates import Variable
from shared.content_parts import TEXT_PARTS, join_texts

ROLES = ("system", "developer", "user", "assistant", "tool")


class UnusableMessages(Exception):
    """A row's conversation is no list of messages with text."""


class TemplateMessages(BaseModel):
    """Messages with templates."""

    model_config = ConfigDict(extra="forbid")
    type: Literal["template"]
    template: list[MessageTemplate] = Field(min_length=1, max_length=100)

    def variables(self, field: str) -> Iterator[Variable]:
        """The references of the templates. Raises InvalidTemplate."""
        for index, message in enumerate(self.template):
            yield from message.variables(f"{field}.template.{index}.content")

    def render(self, item: Any) -> list[dict[str, Any]]:
        """The messages of a row. Raises UnknownName."""
        return [dict(message.render(item, {})) for message in self.template]


class ItemReference(BaseModel):
    """A conversation in the row, such as `item.input`."""

    model_config = ConfigDict(extra="forbid")
    type: Literal["item_reference"]
    item_reference: str = Field(max_length=1_000)

    def variables(self, field: str) -> Iterator[Variable]:
        """The reference. Raises InvalidTemplate."""
        yield Variable.parse(self.item_reference, f"{field}.item_reference")

    def render(self, item: Any) -> list[dict[str, Any]]:
        """The messages of a row. Raises UnknownName or UnusableMessages."""
        found = Variable.parse(self.item_reference, "item_reference").value({"item": item, "sample": {}})
        if not isinstance(found, list) or not found:
            raise UnusableMessages(f"{self.item_reference} is no list of messages.")
        return [_read(message, f"{self.item_reference}[{index}]") for index, message in enumerate(found)]


def _read(message: Any, name: str) -> dict[str, Any]:
    if not isinstance(message, Mapping) or message.get("role") not in ROLES:
        raise UnusableMessages(f"{name} is no message with a role: one of {', '.join(ROLES)}.")
    content = message.get("content")
    parts = content if isinstance(content, list) else [content or ""]
    texts: list[Any] = [
        part.get("text") if isinstance(part, Mapping) and part.get("type") in TEXT_PARTS else part for part in parts
    ]
    if not all(isinstance(text, str) for text in texts):
        raise UnusableMessages(f"{name} has a content that is no text.")
    kept = {key: value for key, value in message.items() if key != "type" and value is not None}
    role = "system" if message["role"] == "developer" else message["role"]
    return {**kept, "role": role, "content": join_texts(texts)}


InputMessages = Annotated[TemplateMessages | ItemReference, Field(discriminator="type")]
