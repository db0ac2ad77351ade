"""Calls read out of answers, however these are cut into pieces."""

import json
from collections.abc import Callable

import pytest

from services.inference.openai.tool_calls import HermesCalls, ListedCalls, NamedCall, Reader

CALL = '<tool_call>\n{"name": "weather", "arguments": {"cluster": "Bergen", "days": 2}}\n</tool_call>'
Calls = list[tuple[str, object]]


def read(begin: Callable[[], Reader], answer: str, size: int) -> tuple[str, Calls]:
    """The text and the calls of an answer that comes in pieces of `size` characters."""
    reader, said, names, arguments = begin(), "", [], []
    pieces = [answer[at : at + size] for at in range(0, len(answer), size)]
    for text, last in [*((piece, False) for piece in pieces), ("", True)]:
        more, calls = reader.read(text, last)
        said += more
        for call in calls:
            if call.id:
                assert (call.index, call.id[:5]) == (len(names), "call_")
                names.append(str(call.name))
                arguments.append("")
            arguments[call.index] += call.arguments
    return said, list(zip(names, map(json.loads, arguments), strict=True))


BERGEN = ("weather", {"cluster": "Bergen", "days": 2})


@pytest.mark.parametrize("size", [1, 3, 7, 1000])
@pytest.mark.parametrize(
    ("answer", "said", "calls"),
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
def test_hermes(answer: str, said: str, calls: Calls, size: int) -> None:
    assert read(HermesCalls, answer, size) == (said, calls)


def test_one_call_is_enough_where_only_one_may_be() -> None:
    assert read(lambda: HermesCalls(parallel=False), f"{CALL}\n{CALL}", 5) == ("", [BERGEN])


def test_a_call_is_told_as_soon_as_it_is_complete() -> None:
    reader = HermesCalls()
    assert reader.read("Well, <tool_", False) == ("Well,", [])
    said, calls = reader.read(CALL.removeprefix("<tool_"), False)
    assert (said, [call.name for call in calls]) == ("", ["weather"])


@pytest.mark.parametrize("size", [1, 4, 1000])
@pytest.mark.parametrize(
    ("answer", "said", "calls"),
    [
        (
            '[{"name": "a", "arguments": {"x": "}, {"}}, {"name": "b", "arguments": {}}]',
            "",
            [("a", {"x": "}, {"}), ("b", {})],
        ),
        ('[{"name": "a", "arguments": {}}, {"name": "b"', '{"name": "b"', [("a", {})]),
    ],
)
def test_a_list(answer: str, said: str, calls: Calls, size: int) -> None:
    assert read(ListedCalls, answer, size) == (said, calls)


def test_the_arguments_of_a_named_function_are_told_as_they_are_written() -> None:
    assert read(lambda: NamedCall("a"), '{"x": [1, 2]}', 2) == ("", [("a", {"x": [1, 2]})])
    reader = NamedCall("a")
    assert reader.read("", False) == ("", [])
    assert [call.arguments for call in reader.read('{"x"', False)[1]] == ['{"x"']
