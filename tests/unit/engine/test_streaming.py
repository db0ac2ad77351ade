"""Streamed text has whole characters and no part of a stop string."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.engine.decoding.streaming import IncrementalDetokenizer


def stream(tokenizer: Any, text: str, stops: tuple[str, ...] = ()) -> list[str]:
    detokenizer = IncrementalDetokenizer(tokenizer, stops)
    pieces = [detokenizer.push(token) for token in tokenizer(text, add_special_tokens=False).input_ids]
    return [*pieces, detokenizer.finish()]


@given(st.text(max_size=60))
def test_streamed_pieces_join_to_the_text(tokenizer: Any, text: str) -> None:
    assert "".join(stream(tokenizer, text)) == text


def test_special_tokens_are_text_only_on_request(tokenizer: Any) -> None:
    tokens = tokenizer("a<|im_start|>b").input_ids
    for special, expected in ((False, "ab"), (True, "a<|im_start|>b")):
        detokenizer = IncrementalDetokenizer(tokenizer, special=special)
        assert "".join([detokenizer.push(token) for token in tokens]) + detokenizer.finish() == expected


def test_character_of_several_tokens_is_emitted_whole(tokenizer: Any) -> None:
    pieces = [piece for piece in stream(tokenizer, "a😀é漢") if piece]
    assert pieces == ["a", "😀", "é", "漢"]


@pytest.mark.parametrize("text", ["Fine. STOP here", "Fine. STOP"])
def test_stop_string_across_tokens_ends_the_text(tokenizer: Any, text: str) -> None:
    detokenizer = IncrementalDetokenizer(tokenizer, ["STOP"])
    pieces = [detokenizer.push(token) for token in tokenizer(text).input_ids]
    assert "".join(pieces) + detokenizer.finish() == "Fine. "
    assert detokenizer.stopped


def test_text_that_only_begins_like_a_stop_string_is_released(tokenizer: Any) -> None:
    pieces = stream(tokenizer, "a STO STOX ST", ("STOP",))
    assert "".join(pieces) == "a STO STOX ST"


@given(st.text(alphabet="ab", max_size=30), st.lists(st.text(alphabet="ab", min_size=1, max_size=4), max_size=3))
def test_text_ends_before_the_first_complete_stop_string(tokenizer: Any, text: str, stops: list[str]) -> None:
    found = [(text.find(stop) + len(stop), text.find(stop)) for stop in stops if stop in text]
    expected = text[: min(found)[1]] if found else text
    assert "".join(stream(tokenizer, text, tuple(stops))) == expected


def test_special_tokens_are_left_out(tokenizer: Any) -> None:
    assert "".join(stream(tokenizer, "Yes.<|im_end|>")) == "Yes."
