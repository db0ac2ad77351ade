"""Messages of a chat request: OpenAI's format, its older and neighbouring forms, and what models cannot read."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from services.inference.errors import UnsupportedParameter
from services.inference.openai.tools import SentToolCall
from shared.content_parts import MEDIA, REASONING_PARTS, TEXT_PARTS, join_texts, media_name
from shared.runtime.errors import InvalidInput

REASONING_FIELDS = ("reasoning_content", "reasoning", "thinking")
WITHOUT_EFFECT = ("annotations", "cache_control")
"""Fields of a message that no model reads: what a client sends back from an earlier answer, and hints for a cache."""


class TextPart(BaseModel):
    """A text part of a message."""

    type: Literal["text"]
    text: str


class Message(BaseModel):
    """A message of a conversation."""

    model_config = ConfigDict(extra="allow")
    role: Literal["system", "developer", "user", "assistant", "tool"]
    content: str | list[TextPart] | None = Field(default=None, description="null: only of an assistant or a tool")
    tool_calls: list[SentToolCall] | None = None

    @model_validator(mode="after")
    def _check_content(self) -> "Message":
        if self.content is None and self.role not in ("assistant", "tool"):
            raise ValueError(f"a message of the role {self.role} needs content")
        return self

    def for_template(self) -> dict[str, Any]:
        """Return the message for the chat template: the newer role `developer` as `system`."""
        calls = {"tool_calls": self.tool_calls} if self.tool_calls else {}
        role = "system" if self.role == "developer" else self.role
        return {**(self.model_extra or {}), "role": role, "content": self.content or "", **calls}


def read_messages(messages: Any) -> Any:
    """Return messages with contents as text, one name for reasoning, and tool calls instead of function calls.

    Null means absent. Raises UnsupportedParameter for images, audio, video and files, InvalidInput for other parts.
    """
    if not isinstance(messages, list):
        return messages
    read = [_read(item, f"messages.{i}") if isinstance(item, Mapping) else item for i, item in enumerate(messages)]
    _convert_function_calls([message for message in read if isinstance(message, dict)])
    return read


def _read(item: Mapping[str, Any], field: str) -> dict[str, Any]:
    message = {key: value for key, value in item.items() if value is not None and key not in WITHOUT_EFFECT}
    if media := next((key for key in message if key.removesuffix("s") in MEDIA and message[key]), None):
        raise _not_text(f"{field}.{media}", MEDIA[media.removesuffix("s")])
    if message.get("refusal"):
        raise UnsupportedParameter(
            "A refusal is not shown to the model.", field=f"{field}.refusal", remedy="Write its text into content."
        )
    reasoning = {key: message.pop(key) for key in REASONING_FIELDS if key in message}
    if isinstance(message.get("content"), list):
        message["content"], thoughts = _read_parts(message["content"], f"{field}.content")
        reasoning |= {"content": thoughts} if thoughts else {}
        if not item["content"]:
            del message["content"]
    if len(set(map(str, reasoning.values()))) > 1:
        names = " and ".join(reasoning)
        raise InvalidInput(f"{field} has different reasoning in {names}.", field=field, remedy="Keep one of them.")
    message.pop("refusal", None)
    thinking = next(iter(reasoning.values()), None)
    return {**message, "reasoning_content": thinking} if thinking else message


def _read_parts(parts: list[Any], field: str) -> tuple[str, str]:
    """The text and the reasoning of a content."""
    texts: list[str] = []
    thoughts: list[str] = []
    for index, part in enumerate(parts):
        kind, at = part.get("type", "text") if isinstance(part, Mapping) else "text", f"{field}.{index}"
        if kind not in (*TEXT_PARTS, *REASONING_PARTS):
            raise _not_text(at, media_name(kind) or f"parts of the type {kind!r:.40}")
        text = part if isinstance(part, str) else next((part[key] for key in ("text", kind) if key in part), None)
        if not isinstance(text, str):
            raise InvalidInput(f"{at} has no text.", field=f"{at}.text", limit="a string", remedy=f"Set {at}.text.")
        (thoughts if kind in REASONING_PARTS else texts).append(text)
    return join_texts(texts), join_texts(thoughts)


def _not_text(field: str, what: str) -> UnsupportedParameter:
    detail = f"{field}: {what} {'is' if what in ('audio', 'video') else 'are'} not supported; text only."
    remedy = "Remove this part, or write what it shows as text."
    return UnsupportedParameter(detail, field=field, limit=list(TEXT_PARTS), remedy=remedy)


def _convert_function_calls(messages: Sequence[dict[str, Any]]) -> None:
    """Turn OpenAI's older `function_call` and role `function` into a tool call and its result."""
    id = None
    for index, message in enumerate(messages):
        if call := message.pop("function_call", None):
            if message.get("tool_calls"):
                remedy = "Keep tool_calls."
                raise InvalidInput("The message has function_call and tool_calls.", field="messages", remedy=remedy)
            id = f"call{index:05d}"  # nine letters and digits: what Mistral's templates require
            message["tool_calls"] = [{"id": id, "type": "function", "function": call}]
        if message.get("role") == "function":
            message["role"] = "tool"
            message.update({"tool_call_id": id} if id else {})
