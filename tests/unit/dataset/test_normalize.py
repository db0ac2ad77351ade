"""Rows of every layout become one of three forms; the reason for a rejection names the cell."""

from typing import Any

import pytest

from services.dataset.engine.columns import ColumnReader
from services.dataset.engine.lines import BadRow
from services.dataset.engine.messages import RowNotes
from services.dataset.engine.normalize import count_characters, split_group
from services.dataset.formats import MAX_CELL_CHARS
from services.dataset.layouts import LAYOUTS, Layout, find_layout

USER = {"role": "user", "content": "Hi?"}
ASSISTANT = {"role": "assistant", "content": "Hello."}
CALL = {"type": "function", "function": {"name": "add", "arguments": {"a": 1}}}
TOOL = {"type": "function", "function": {"name": "add", "parameters": {}}}


def normalized(row: Any, mapping: dict[str, str] | None = None) -> dict[str, Any]:
    """Normalize a row by its own columns."""
    return ColumnReader(mapping).read(row, RowNotes())[1]


def reason(row: Any, **options: Any) -> str:
    """Return why a row is rejected."""
    with pytest.raises(BadRow) as bad:
        normalized(row, **options)
    return str(bad.value)


@pytest.mark.parametrize(
    "row",
    [
        {"prompt": "Hi?", "completion": "Hello."},
        {"prompt": "Hi?", "response": "Hello."},
        {"Question ": "Hi?", "ANSWER": "Hello.", "id": 7},
        {"instruction": "Hi?", "input": "", "output": "Hello."},
        {"instruction": "Hi?", "output": "Hello."},
        {"messages": [USER, ASSISTANT]},
        {"messages": '[{"role": "user", "content": "Hi?"}, {"role": "assistant", "content": "Hello."}]'},
        {"messages": [{**USER, "content": [{"type": "text", "text": "Hi?"}]}, {**ASSISTANT, "tool_calls": None}]},
        {"conversations": [{"from": "human", "value": "Hi?"}, {"from": "gpt", "value": "Hello."}]},
        {"prompt": [USER], "completion": [ASSISTANT]},
    ],
)
def test_every_chat_layout_becomes_the_same_conversation(row: dict[str, Any]) -> None:
    assert normalized(row) == {"messages": [USER, ASSISTANT]}


def test_characters_and_split_group_of_text_and_chat_rows() -> None:
    assert normalized({"text": "Once."}) == {"text": "Once."}
    assert (count_characters({"text": "Once."}), split_group({"text": "Once."})) == (5, "Once.")
    chat = {"messages": [{"role": "system", "content": "Be kind."}, USER, ASSISTANT]}
    assert (count_characters(chat), split_group(chat)) == (17, "Hi?")


def test_alpaca_joins_instruction_and_input_and_has_a_system_prompt() -> None:
    row = normalized({"instruction": "Add.", "input": "1 2", "output": "3", "system": "Be short."})
    assert [message["content"] for message in row["messages"]] == ["Be short.", "Add.\n\n1 2", "3"]


def test_mapping_names_the_columns_of_the_file() -> None:
    mapping = {"prompt": "Frage", "completion": "text"}
    assert normalized({"Frage": "Hi?", "text": "Hello."}, mapping) == {"messages": [USER, ASSISTANT]}


def test_tool_calls_in_openai_and_sharegpt_form() -> None:
    calling = {
        "role": "assistant",
        "content": None,
        "tool_calls": [{"id": "1", "function": {"name": "add", "arguments": '{"a": 1}'}}],
    }
    answer = {"role": "tool", "content": "1", "tool_call_id": "1"}
    row = normalized({"messages": [USER, calling, answer, ASSISTANT], "tools": '[{"type": "function"}]'})
    assert row["messages"][1] == {"role": "assistant", "content": "", "tool_calls": [{"id": "1", **CALL}]}
    assert row["messages"][2] == answer
    assert row["tools"] == [{"type": "function"}]
    sharegpt = [
        {"from": "human", "value": "Hi?"},
        {"from": "function_call", "value": '{"name": "add", "arguments": {"a": 1}}'},
        {"from": "observation", "value": "1"},
    ]
    row = normalized({"conversations": sharegpt, "tools": [TOOL]})
    assert row["messages"][1:] == [
        {"role": "assistant", "content": "", "tool_calls": [CALL]},
        {"role": "tool", "content": "1"},
    ]


@pytest.mark.parametrize(
    "row",
    [
        {"prompt": "Hi?", "chosen": "Hello.", "rejected": "Go."},
        {"prompt": [USER], "chosen": [ASSISTANT], "rejected": [{"role": "assistant", "content": "Go."}]},
        {"chosen": [USER, ASSISTANT], "rejected": [USER, {"role": "assistant", "content": "Go."}]},
        {"prompt": "Hi?", "chosen": [USER, ASSISTANT], "rejected": [USER, {"role": "assistant", "content": "Go."}]},
        {
            "conversations": [{"from": "human", "value": "Hi?"}],
            "chosen": {"from": "gpt", "value": "Hello."},
            "rejected": {"from": "gpt", "value": "Go."},
        },
        {
            "input": {"messages": [USER], "tools": [], "parallel_tool_calls": True},
            "preferred_output": [ASSISTANT],
            "non_preferred_output": [{"role": "assistant", "content": "Go."}],
        },
    ],
)
def test_every_preference_layout_becomes_the_same_pair(row: dict[str, Any]) -> None:
    rejected = [{"role": "assistant", "content": "Go."}]
    assert normalized(row) == {"messages": [USER], "chosen": [ASSISTANT], "rejected": rejected}


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ({"question": None, "answer": "a"}, "question is null, text is expected"),
        ({"question": "q", "answer": float("nan")}, "answer is NaN, text is expected"),
        ({"question": "q", "answer": float("inf")}, "answer is infinite, text is expected"),
        ({"question": "q", "answer": " \n"}, "answer is empty"),
        (
            {"question": "q", "answer": "a" * (MAX_CELL_CHARS + 1)},
            f"answer has {MAX_CELL_CHARS + 1} characters, at most",
        ),
        ({"instruction": "i", "input": ["x"], "output": "o"}, "input is a list, text is expected"),
        ({"messages": []}, "messages is empty"),
        ({"messages": [USER]}, "messages has no assistant message: there is nothing to train on"),
        ({"messages": [{"role": "narrator", "content": "x"}]}, "messages[0].role is 'narrator'; known are"),
        ({"messages": [USER, {"role": "assistant", "content": ""}]}, "messages[1].content is empty"),
        ({"messages": [USER, ASSISTANT, {"role": "system", "content": "x"}]}, "messages[2] is a system message"),
        (
            {"messages": [{"role": "user", "content": [{"type": "image"}]}]},
            "content[0] is a part of type 'image'; models",
        ),
        ({"messages": [USER, {"role": "assistant", "tool_calls": [{"function": {}}]}]}, "names no function"),
        ({"messages": [USER, ASSISTANT], "tools": "{"}, "tools is not JSON"),
        ({"conversations": "no"}, "conversations is not JSON"),
        ({"prompt": "p", "chosen": "a", "rejected": "a"}, "chosen and rejected are equal"),
        ({"chosen": "a", "rejected": "b"}, "there is no prompt"),
        ({"input": "i", "preferred_output": "a", "non_preferred_output": "b"}, "input is a text, an object"),
        ({"input": {}, "preferred_output": "a", "non_preferred_output": "b"}, "there is no prompt"),
    ],
)
def test_reason_of_a_rejected_row(row: dict[str, Any], expected: str) -> None:
    assert expected in reason(row)


def test_row_without_a_layout_is_rejected_by_the_columns_of_the_rows_before() -> None:
    reader = ColumnReader(None)
    reader.read({"Question": "q", "answer": "a"}, RowNotes())
    for row, expected in (
        ({"Question": "q"}, "column 'answer' is missing"),
        (["q", "a"], "a row is an object with named columns, this is a list"),
        ({"Question": "q", "answer": None}, "answer is null, text is expected"),
    ):
        with pytest.raises(BadRow, match=expected):
            reader.read(row, RowNotes())


@pytest.mark.parametrize("layout", LAYOUTS, ids=lambda layout: layout.name)
def test_example_of_a_layout_is_recognized_and_becomes_its_form(layout: Layout) -> None:
    found = find_layout(layout.example)
    assert found
    assert found[0] is layout
    keys = {
        "text": {"text"},
        "messages": {"messages"},
        "preference": {"messages", "chosen", "rejected"},
        "unpaired": {"messages", "completion", "label"},
    }
    assert normalized(layout.example).keys() == keys[layout.form]


def test_unknown_columns_have_no_layout() -> None:
    assert find_layout({"x", "y"}) is None
    assert find_layout(["Frage"], {"prompt": "Frage", "completion": "Antwort"}) is None
