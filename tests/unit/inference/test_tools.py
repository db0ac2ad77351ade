"""Tools of a chat request: what the template gets, the forced schema, and what is rejected."""

from typing import Any

import pytest
from pydantic import ValidationError

from services.inference.openai.schemas import ChatRequest
from shared.runtime.errors import InvalidInput

PARAMETERS = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
WEATHER = {"function": {"parameters": PARAMETERS, "name": "weather", "strict": True}, "type": "function"}
NEWS = {"type": "function", "function": {"name": "news"}}
NAMED = {"type": "function", "function": {"name": "weather"}}


def request(**changes: Any) -> ChatRequest:
    body = {"model": "m", "messages": [{"role": "user", "content": "?"}], "tools": [WEATHER, NEWS], **changes}
    return ChatRequest.model_validate(body)


def schema(**changes: Any) -> Any:
    output_format = request(**changes).output_format()
    return output_format and output_format["json_schema"]["schema"]


def test_tools_reach_the_template_unchanged() -> None:
    assert list(request().prompt_fields()["tools"][0]) == ["function", "type"]
    assert list(request().prompt_fields()["tools"][0]["function"]) == ["parameters", "name", "strict"]


def test_tool_choice_none_hides_the_tools() -> None:
    with_none = request(tool_choice="none", response_format={"type": "json_object"})
    assert (with_none.prompt_fields()["tools"], with_none.tool_call_parser()) == (None, None)
    assert with_none.output_format() == {"type": "json_object"}


def test_tool_choice_auto_is_the_default_and_forces_nothing() -> None:
    assert schema() is schema(tool_choice="auto") is None


def test_a_named_function_forces_its_arguments() -> None:
    assert schema(tool_choice=NAMED) == PARAMETERS
    assert schema(tool_choice={"type": "function", "function": {"name": "news"}}) == {"type": "object"}


def test_tool_choice_required_forces_one_of_the_tools() -> None:
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


def test_definitions_are_hoisted_to_the_root_schema() -> None:
    found = schema(tools=[shared("a", {"type": "string"}), shared("b", {"type": "string"})], tool_choice="required")
    assert found["$defs"] == {"X": {"type": "string"}}
    assert all("$defs" not in call["properties"]["arguments"] for call in found["items"]["anyOf"])
    with pytest.raises(InvalidInput, match="define X"):
        request(tools=[shared("a", {"type": "string"}), shared("b", {"type": "number"})], tool_choice="required")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"tools": [{"type": "function"}]}, "function"),
        ({"tools": [{"type": "function", "function": {"name": "no spaces"}}]}, "name"),
        ({"tools": [{"type": "custom", "custom": {"name": "x"}}]}, "type"),
        ({"tools": None, "tool_choice": "required"}, "needs tools"),
        ({"tools": [NEWS], "tool_choice": NAMED}, "names weather"),
        ({"response_format": {"type": "json_object"}}, "response_format"),
    ],
)
def test_invalid_combinations_are_rejected(changes: dict[str, Any], message: str) -> None:
    with pytest.raises((ValidationError, InvalidInput), match=message):
        request(**changes)
