"""Messages are read as in training, and what a model cannot read is refused with its place."""

from typing import Any

import pytest
from pydantic import ValidationError

from services.dataset.engine.content_parts import read_parts
from services.inference.errors import UnsupportedParameter
from services.inference.openai.schemas import ChatRequest
from shared.runtime.errors import InvalidInput
from tests.support.data_cases import data_case

ASKED = {"role": "user", "content": "How warm is it?"}
CALL = {"name": "weather", "arguments": '{"city": "Oslo"}'}


def shown(*messages: dict[str, Any]) -> Any:
    return ChatRequest.model_validate({"model": "m", "messages": list(messages)}).prompt_fields()["messages"]


@data_case(
    "Serving", "Content in several text parts", "Joined as in training: a line break, unless white space is there"
)
@pytest.mark.parametrize("texts", [["a", "b"], ["a ", "b"], ["a", "", "\nb"], ["a"]])
def test_parts_are_joined_as_in_training(texts: list[str]) -> None:
    parts = [{"type": "text", "text": text} for text in texts]
    assert shown({"role": "user", "content": parts})[0]["content"] == read_parts(parts, "content")["content"]


@data_case("Serving", "An image, audio, a video or a file in a message", "400 with the index of message and part")
@pytest.mark.parametrize(
    ("part", "what"),
    [
        ({"type": "image_url", "image_url": {"url": "https://example.com/a.png"}}, "images are"),
        ({"type": "input_audio", "input_audio": {"data": "", "format": "wav"}}, "audio is"),
        ({"type": "video_url", "video_url": {"url": "https://example.com/a.mp4"}}, "video is"),
        ({"type": "file", "file": {"file_id": "file-1"}}, "files are"),
        ({"type": "tool_result", "content": "5"}, "parts of the type 'tool_result' are"),
    ],
)
def test_parts_without_text_are_refused(part: dict[str, Any], what: str) -> None:
    with pytest.raises(UnsupportedParameter) as refused:
        shown(ASKED, {"role": "user", "content": [{"type": "text", "text": "See:"}, part]})
    assert refused.value.field == "messages.1.content.1"
    assert refused.value.detail == f"messages.1.content.1: {what} not supported; text only."
    assert refused.value.remedy


@pytest.mark.parametrize("key", ["images", "audio"])
def test_media_beside_the_content_is_refused(key: str) -> None:
    with pytest.raises(UnsupportedParameter) as refused:
        shown({**ASKED, key: ["data"]})
    assert refused.value.field == f"messages.0.{key}"


def test_part_without_text_is_named() -> None:
    with pytest.raises(InvalidInput) as refused:
        shown({"role": "user", "content": [{"type": "text"}]})
    assert refused.value.field == "messages.0.content.0.text"


@pytest.mark.parametrize("role", ["system", "developer", "user"])
@pytest.mark.parametrize("content", [None, []])
def test_message_without_content_is_refused(role: str, content: Any) -> None:
    with pytest.raises(ValidationError, match="needs content"):
        shown({"role": role, "content": content})


@data_case("Serving", "`function_call` and the role `function` in the history", "Read as `tool_calls` and `tool`")
def test_function_calls_become_tool_calls() -> None:
    result = {"role": "function", "name": "weather", "content": "5 degrees"}
    _, calling, answered = shown(ASKED, {"role": "assistant", "content": None, "function_call": CALL}, result)
    (call,) = calling["tool_calls"]
    assert (call["type"], call["function"], calling["content"]) == ("function", CALL, "")
    assert answered == {"role": "tool", "name": "weather", "content": "5 degrees", "tool_call_id": call["id"]}


@data_case("Serving", "Reasoning as `reasoning`, `thinking` or a part", "Shown as the template reads reasoning")
@pytest.mark.parametrize(
    "message",
    [
        {"content": "5", "reasoning": "Hm."},
        {"content": "5", "thinking": "Hm."},
        {"content": [{"type": "thinking", "thinking": "Hm."}, {"type": "text", "text": "5"}]},
    ],
)
def test_reasoning_has_one_name(message: dict[str, Any]) -> None:
    assert shown(ASKED, {"role": "assistant", **message})[1] == {
        "role": "assistant",
        "content": "5",
        "reasoning_content": "Hm.",
    }


def test_different_reasoning_is_refused() -> None:
    with pytest.raises(InvalidInput, match="reasoning"):
        shown(ASKED, {"role": "assistant", "content": "5", "thinking": "a", "reasoning": "b"})


def test_answers_of_openais_client_can_be_sent_back() -> None:
    """With the fields that are null or empty in its model of a message."""
    nulls = {"refusal": None, "audio": None, "function_call": None, "tool_calls": None, "annotations": []}
    assert shown(ASKED, {"role": "assistant", "content": "5", **nulls})[1] == {"role": "assistant", "content": "5"}


def test_refusal_is_not_dropped() -> None:
    with pytest.raises(UnsupportedParameter) as refused:
        shown(ASKED, {"role": "assistant", "content": None, "refusal": "I cannot help with that."})
    assert refused.value.field == "messages.1.refusal"


@pytest.mark.parametrize(
    "calls", ["weather()", [{"function": {"arguments": "{}"}}], [{"type": "custom", "custom": {}}]]
)
def test_tool_calls_of_another_form_are_refused(calls: Any) -> None:
    with pytest.raises(ValidationError, match=r"messages\.1\.tool_calls"):
        shown(ASKED, {"role": "assistant", "content": None, "tool_calls": calls})
