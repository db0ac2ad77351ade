"""Rows that are decoded straight into what is stored are those that the careful way would have stored."""

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.dataset.engine.plain_rows import Decode, decoder
from services.dataset.engine.rows import characters_of, group_of, normalizer
from services.dataset.formats import columns_by_name, layout_of

ROLES = st.sampled_from(["system", "user", "assistant", "assistant", "tool", "human", "nobody"])
CONTENTS = st.sampled_from(["a", "é\n", " b ", "", "\u2003", "\ud800", "\x00"]) | st.text(max_size=5) | st.none()
MESSAGES = st.fixed_dictionaries({"role": ROLES, "content": CONTENTS}, optional={"name": st.just("n"), "x": st.just(1)})
ROWS = st.fixed_dictionaries(
    {"Messages": st.lists(MESSAGES, max_size=4) | st.just("[]")}, optional={"id": st.integers(), "new": st.none()}
)
TALK = [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]


def plain(*columns: str) -> Decode:
    named = columns_by_name(columns, None)
    layout = layout_of(named)
    assert layout is not None
    return decoder(layout, named, columns)


@given(row=ROWS)
def test_what_is_decoded_at_once_is_stored_as_before(row: dict[str, Any]) -> None:
    line = json.dumps(row).encode()
    if found := plain("Messages", "id")(line):
        named = columns_by_name(["Messages"], None)
        wanted = normalizer(layout_of(named), named)(msgspec.json.decode(line))  # type: ignore[arg-type]
        assert msgspec.json.encode({"messages": found.messages}) == msgspec.json.encode(wanted)
        assert (found.group, found.characters) == (group_of(wanted), characters_of(wanted))


def test_of_a_key_that_comes_twice_the_last_one_counts() -> None:
    line = b'{"messages": [], "messages": [{"role": "user", "role": "assistant", "content": "", "content": "b"}]}'
    found = plain("messages")(line)
    assert found is not None
    assert msgspec.to_builtins(found.messages) == msgspec.json.decode(line)["messages"]


def test_ordinary_rows_are_decoded_at_once() -> None:
    for row in ({"messages": TALK}, {"messages": [{"role": "system", "content": "c"}, *TALK], "id": {"a": [1]}}):
        assert plain("messages", "id")(json.dumps(row).encode()) is not None


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
def test_anything_else_is_looked_at_with_care(line: bytes) -> None:
    assert plain("messages")(line) is None


@pytest.mark.parametrize("columns", [("messages", "system"), ("text",), ("prompt", "completion"), ("conversations",)])
def test_other_layouts_are_not_decoded_at_once(columns: tuple[str, ...]) -> None:
    assert plain(*columns)(json.dumps({"messages": TALK}).encode()) is None
