"""The fast path for chat rows stores what normalization would have stored."""

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.dataset.engine.chat_fast_path import ChatDecoder, make_chat_decoder
from services.dataset.engine.normalize import count_characters, make_normalizer, split_group
from services.dataset.layouts import find_layout, match_columns

ROLES = st.sampled_from(["system", "user", "assistant", "assistant", "tool", "human", "nobody"])
CONTENTS = st.sampled_from(["a", "é\n", " b ", "", "\u2003", "\ud800", "\x00"]) | st.text(max_size=5) | st.none()
MESSAGES = st.fixed_dictionaries({"role": ROLES, "content": CONTENTS}, optional={"name": st.just("n"), "x": st.just(1)})
ROWS = st.fixed_dictionaries(
    {"Messages": st.lists(MESSAGES, max_size=4) | st.just("[]")}, optional={"id": st.integers(), "new": st.none()}
)
TALK = [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]


def chat_decoder(*columns: str) -> ChatDecoder:
    matched = match_columns(columns, None)
    layout = find_layout(matched)
    assert layout is not None
    return make_chat_decoder(layout, matched, columns)


@given(row=ROWS)
def test_fast_path_equals_normalization(row: dict[str, Any]) -> None:
    line = json.dumps(row).encode()
    if found := chat_decoder("Messages", "id")(line):
        matched = match_columns(["Messages"], None)
        expected = make_normalizer(find_layout(matched), matched)(msgspec.json.decode(line))  # type: ignore[arg-type]
        assert msgspec.json.encode({"messages": found.messages}) == msgspec.json.encode(expected)
        assert (found.group, found.characters) == (split_group(expected), count_characters(expected))


def test_last_of_repeated_keys_counts() -> None:
    line = b'{"messages": [], "messages": [{"role": "user", "role": "assistant", "content": "", "content": "b"}]}'
    found = chat_decoder("messages")(line)
    assert found is not None
    assert msgspec.to_builtins(found.messages) == msgspec.json.decode(line)["messages"]


def test_ordinary_rows_take_the_fast_path() -> None:
    for row in ({"messages": TALK}, {"messages": [{"role": "system", "content": "c"}, *TALK], "id": {"a": [1]}}):
        assert chat_decoder("messages", "id")(json.dumps(row).encode()) is not None


@pytest.mark.parametrize(
    "line",
    [
        b'{"messages": [',
        b'{"messages": "[]"}',
        b"[1]",
        b'{"messages": [{"role": "user", "content": "\xff"}]}',
        json.dumps({"messages": TALK[:1]}).encode(),
        json.dumps({"messages": [*TALK, {"role": "system", "content": "c"}]}).encode(),
        json.dumps({"messages": [*TALK, {"role": "user", "content": " "}]}).encode(),
        json.dumps({"messages": [*TALK, {"role": "user", "content": "c" * (4 << 20) + "c"}]}).encode(),
        json.dumps({"messages": [{**TALK[0], "name": "n"}, TALK[1]]}).encode(),
        json.dumps({"messages": TALK, "tools": []}).encode(),
    ],
)
def test_other_shapes_and_bad_rows_are_left_to_normalization(line: bytes) -> None:
    assert chat_decoder("messages")(line) is None


@pytest.mark.parametrize("columns", [("messages", "system"), ("text",), ("prompt", "completion"), ("conversations",)])
def test_other_layouts_do_not_take_the_fast_path(columns: tuple[str, ...]) -> None:
    assert chat_decoder(*columns)(json.dumps({"messages": TALK}).encode()) is None
