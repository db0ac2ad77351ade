"""Tools in a request: what the template is shown, what the answer must be, and what is refused."""

from typing import Any

import pytest
from pydantic import ValidationError

from services.inference.openai.schemas import ChatRequest

PARAMETERS = {"type": "object", "properties": {"cluster": {"type": "string"}}, "required": ["cluster"]}
WEATHER = {"function": {"parameters": PARAMETERS, "name": "weather", "strict": True}, "type": "function"}
NEWS = {"type": "function", "function": {"name": "news"}}
NAMED = {"type": "function", "function": {"name": "weather"}}


def request(**changes: Any) -> ChatRequest:
    asked = {"model": "m", "messages": [{"role": "user", "content": "?"}], "tools": [WEATHER, NEWS], **changes}
    return ChatRequest.model_validate(asked)


def schema(**changes: Any) -> Any:
    form = request(**changes).form()
    return form and form["json_schema"]["schema"]


def test_the_template_is_shown_the_tools_as_they_came() -> None:
    assert list(request().prompt()["tools"][0]) == ["function", "type"]
    assert list(request().prompt()["tools"][0]["function"]) == ["parameters", "name", "strict"]


def test_with_the_choice_none_there_are_no_tools() -> None:
    asked = request(tool_choice="none", response_format={"type": "json_object"})
    assert (asked.prompt()["tools"], asked.reader()) == (None, None)
    assert asked.form() == {"type": "json_object"}


def test_auto_is_the_default_and_forces_nothing() -> None:
    assert schema() is schema(tool_choice="auto") is None


def test_a_named_function_forces_its_arguments() -> None:
    assert schema(tool_choice=NAMED) == PARAMETERS
    assert schema(tool_choice={"type": "function", "function": {"name": "news"}}) == {"type": "object"}


def test_a_required_call_is_one_of_the_tools() -> None:
    found = schema(tool_choice="required")
    assert (found["type"], found["minItems"]) == ("array", 1)
    calls = [call["properties"] for call in found["items"]["anyOf"]]
    assert calls == [
        {"name": {"type": "string", "enum": ["weather"]}, "arguments": PARAMETERS},
        {"name": {"type": "string", "enum": ["news"]}, "arguments": {"type": "object"}},
    ]
    assert schema(tool_choice="required", parallel_tool_calls=False)["maxItems"] == 1


def shared(name: str, definition: dict[str, Any]) -> dict[str, Any]:
    parameters = {"type": "object", "properties": {"x": {"$ref": "#/$defs/X"}}, "$defs": {"X": definition}}
    return {"type": "function", "function": {"name": name, "parameters": parameters}}


def test_definitions_stand_where_their_references_point() -> None:
    found = schema(tools=[shared("a", {"type": "string"}), shared("b", {"type": "string"})], tool_choice="required")
    assert found["$defs"] == {"X": {"type": "string"}}
    assert all("$defs" not in call["properties"]["arguments"] for call in found["items"]["anyOf"])
    with pytest.raises(ValidationError, match="define X"):
        request(tools=[shared("a", {"type": "string"}), shared("b", {"type": "number"})], tool_choice="required")


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"tools": [{"type": "function"}]}, "function"),
        ({"tools": [{"type": "function", "function": {"name": "no spaces"}}]}, "name"),
        ({"tools": [{"type": "custom", "custom": {"name": "x"}}]}, "type"),
        ({"tools": None, "tool_choice": "required"}, "needs tools"),
        ({"tools": [NEWS], "tool_choice": NAMED}, "names weather"),
        ({"response_format": {"type": "json_object"}}, "response_format"),
    ],
)
def test_what_cannot_be_is_refused(changes: dict[str, Any], told: str) -> None:
    with pytest.raises(ValidationError, match=told):
        request(**changes)
