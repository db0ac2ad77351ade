"""Tool call parsers, with the output split into pieces of any size."""

import json
from collections.abc import Callable

import pytest

from services.inference.openai.tool_calls import HermesToolParser, JsonListToolParser, NamedToolParser, ToolCallParser

CALL = '<tool_call>\n{"name": "weather", "arguments": {"city": "Bergen", "days": 2}}\n</tool_call>'
Calls = list[tuple[str, object]]


def parse(new_parser: Callable[[], ToolCallParser], output: str, size: int) -> tuple[str, Calls]:
    """Parse an output that arrives in pieces of `size` characters; return its text and calls."""
    parser, plain, names, arguments = new_parser(), "", [], []
    pieces = [output[at : at + size] for at in range(0, len(output), size)]
    for text, last in [*((piece, False) for piece in pieces), ("", True)]:
        more, calls = parser.parse(text, last)
        plain += more
        for call in calls:
            if call.id:
                assert (call.index, call.id[:5]) == (len(names), "call_")
                names.append(str(call.name))
                arguments.append("")
            arguments[call.index] += call.arguments
    return plain, list(zip(names, map(json.loads, arguments), strict=True))


BERGEN = ("weather", {"city": "Bergen", "days": 2})


@pytest.mark.parametrize("size", [1, 3, 7, 1000])
@pytest.mark.parametrize(
    ("output", "plain", "calls"),
    [
        ("It is cold.", "It is cold.", []),
        (CALL, "", [BERGEN]),
        (f"Let me look.\n{CALL}\n{CALL}\n", "Let me look.", [BERGEN, BERGEN]),
        (f"{CALL}\nDone.", "Done.", [BERGEN]),
        (CALL.removesuffix("</tool_call>"), "", [BERGEN]),
        ("1 < 2 <tool", "1 < 2 <tool", []),
        ("two \n\n lines \n", "two \n\n lines \n", []),
        ('<tool_call>{"name": "weather", "argu', '<tool_call>{"name": "weather", "argu', []),
        (f"<tool_call>no JSON</tool_call> {CALL}", "<tool_call>no JSON</tool_call>", [BERGEN]),
        ('<tool_call>["name"]</tool_call>', '<tool_call>["name"]</tool_call>', []),
        ('<tool_call>{"name": "a", "arguments": "{\\"b\\": 1}"}</tool_call>', "", [("a", {"b": 1})]),
    ],
)
def test_hermes(output: str, plain: str, calls: Calls, size: int) -> None:
    assert parse(HermesToolParser, output, size) == (plain, calls)


def test_only_the_first_call_is_parsed_without_parallel_tool_calls() -> None:
    assert parse(lambda: HermesToolParser(parallel=False), f"{CALL}\n{CALL}", 5) == ("", [BERGEN])


def test_a_call_is_emitted_as_soon_as_it_is_complete() -> None:
    parser = HermesToolParser()
    assert parser.parse("Well, <tool_", False) == ("Well,", [])
    plain, calls = parser.parse(CALL.removeprefix("<tool_"), False)
    assert (plain, [call.name for call in calls]) == ("", ["weather"])


@pytest.mark.parametrize("size", [1, 4, 1000])
@pytest.mark.parametrize(
    ("output", "plain", "calls"),
    [
        (
            '[{"name": "a", "arguments": {"x": "}, {"}}, {"name": "b", "arguments": {}}]',
            "",
            [("a", {"x": "}, {"}), ("b", {})],
        ),
        ('[{"name": "a", "arguments": {}}, {"name": "b"', '{"name": "b"', [("a", {})]),
    ],
)
def test_json_list(output: str, plain: str, calls: Calls, size: int) -> None:
    assert parse(JsonListToolParser, output, size) == (plain, calls)


def test_arguments_of_a_named_function_are_streamed() -> None:
    assert parse(lambda: NamedToolParser("a"), '{"x": [1, 2]}', 2) == ("", [("a", {"x": [1, 2]})])
    parser = NamedToolParser("a")
    assert parser.parse("", False) == ("", [])
    assert [call.arguments for call in parser.parse('{"x"', False)[1]] == ['{"x"']
