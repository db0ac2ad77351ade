"""The fast path for chat rows stores what normalization would have stored."""

import json
from functools import partial
from io import BytesIO
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.dataset.engine.chat_fast_path import ChatDecoder
from services.dataset.engine.columns import ColumnReader
from services.dataset.engine.file_readers import read_file
from services.dataset.engine.lines import BadRow
from services.dataset.engine.messages import RowNotes
from services.dataset.engine.normalize import count_characters, split_group
from shared.engine.text.features import row_features

ROLES = st.sampled_from(["system", "user", "assistant", "assistant", "tool", "human", "nobody"])
CONTENTS = st.sampled_from(["a", "é\n", " b ", "", "\u2003", "\ud800", "\x00"]) | st.text(max_size=5) | st.none()
MESSAGES = st.fixed_dictionaries({"role": ROLES, "content": CONTENTS}, optional={"name": st.just("n"), "x": st.just(1)})
SYSTEM = st.sampled_from([None, "", [], "s"])
ROWS = st.fixed_dictionaries(
    {"Messages": st.lists(MESSAGES, max_size=4) | st.just("[]")},
    optional={"id": st.integers(), "new": st.none(), "system": SYSTEM},
)
TALK = [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]


@given(row=ROWS)
def test_fast_path_equals_normalization(row: dict[str, Any]) -> None:
    line = json.dumps(row).encode()
    if found := ChatDecoder("Messages", ["system"], ["id"]).decode(line):
        _, expected = ColumnReader(None).read(msgspec.json.decode(line), RowNotes())
        assert msgspec.json.encode({"messages": found.messages}) == msgspec.json.encode(expected)
        assert (found.group, found.characters) == (split_group(expected), count_characters(expected))
        assert found.features == row_features(expected)


TURN = '{"role": "user", "content": "a \\": b \\\\"}, {"role": "assistant", "content": "b"}'
REPEATED = [
    '{"messages": [], "messages": [TURN]}',
    '{"messages": [{"role": "user", "content": "a", "content": "c"}, {"role": "assistant", "content": "b"}]}',
    '{"messages":[{"role":"user","role"  :"user","content":"a"},{"role":"assistant","content":"b"}]}',
    '{"messages": [{"role": "user", "content": "a", "cont\\u0065nt": "c"}, {"role": "assistant", "content": "b"}]}',
    '{"messages": [TURN], "id": {"a": 1, "a": 2}}',
    '{"messages": [TURN], "id": 1, "id" : 2}',
]


@pytest.mark.parametrize("line", [line.replace("TURN", TURN) for line in REPEATED])
def test_row_that_gives_a_key_twice_is_rejected(line: str) -> None:
    decoder = ChatDecoder("messages", [], ["id"])
    assert decoder.decode(line.encode()) is None
    assert decoder.decode(f'{{"messages": [{TURN}], "id": "colons : and \\":"}}'.encode()) is not None
    for extension in (".jsonl", ".json"):
        text = line if extension == ".jsonl" else f"[{line}, {line}]"
        rows = list(read_file("rows", extension, partial(BytesIO, text.encode()), decoder.decode))
        assert [str(row) for _, row in rows if isinstance(row, BadRow)] == [str(row) for _, row in rows]
        assert all("occurs twice in one object" in str(row) for _, row in rows), rows


def test_ordinary_rows_take_the_fast_path() -> None:
    decoder = ChatDecoder("messages", ["system", "tools"], ["id", "source"])
    for row, others in (
        ({"messages": TALK}, []),
        ({"messages": [{"role": "system", "content": "c"}, *TALK], "id": {"a": [1]}, "source": ""}, ["id"]),
        ({"messages": TALK, "system": None, "tools": []}, []),
    ):
        found = decoder.decode(json.dumps(row).encode())
        assert found is not None
        assert list(found.others) == others


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
    assert ChatDecoder("messages", [], []).decode(line) is None


@pytest.mark.parametrize("values", [{"system": "s"}, {"tools": "[1]"}, {"images": ["a.png"]}, {"label": True}])
def test_rows_with_a_value_in_a_known_column_are_left_to_normalization(values: dict[str, Any]) -> None:
    decoder = ChatDecoder("messages", ["system", "tools", "images", "label"], [])
    assert decoder.decode(json.dumps({"messages": TALK, **values}).encode()) is None
