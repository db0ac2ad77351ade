"""Streamed text: whole characters, and no part of a stop string ever leaves."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.engine.decoding.streaming import IncrementalDetokenizer


def stream(tokenizer: Any, text: str, stops: tuple[str, ...] = ()) -> list[str]:
    decoder = IncrementalDetokenizer(tokenizer, stops)
    pieces = [decoder.push(token) for token in tokenizer(text, add_special_tokens=False).input_ids]
    return [*pieces, decoder.finish()]


@given(st.text(max_size=60))
def test_the_pieces_are_the_text(tokenizer: Any, text: str) -> None:
    assert "".join(stream(tokenizer, text)) == text


def test_special_tokens_are_text_only_where_they_are_asked_for(tokenizer: Any) -> None:
    tokens = tokenizer("a<|im_start|>b").input_ids
    for special, expected in ((False, "ab"), (True, "a<|im_start|>b")):
        decoder = IncrementalDetokenizer(tokenizer, special=special)
        assert "".join([decoder.push(token) for token in tokens]) + decoder.finish() == expected


def test_a_character_of_several_tokens_comes_whole(tokenizer: Any) -> None:
    pieces = [piece for piece in stream(tokenizer, "a😀é漢") if piece]
    assert pieces == ["a", "😀", "é", "漢"]


@pytest.mark.parametrize("text", ["Fine. STOP here", "Fine. STOP"])
def test_a_stop_string_over_several_tokens_ends_the_text(tokenizer: Any, text: str) -> None:
    decoder = IncrementalDetokenizer(tokenizer, ["STOP"])
    pieces = [decoder.push(token) for token in tokenizer(text).input_ids]
    assert "".join(pieces) + decoder.finish() == "Fine. "
    assert decoder.stopped


def test_text_that_only_began_like_a_stop_string_is_released(tokenizer: Any) -> None:
    pieces = stream(tokenizer, "a STO STOX ST", ("STOP",))
    assert "".join(pieces) == "a STO STOX ST"


@given(st.text(alphabet="ab", max_size=30), st.lists(st.text(alphabet="ab", min_size=1, max_size=4), max_size=3))
def test_the_text_ends_where_the_first_complete_stop_string_began(tokenizer: Any, text: str, stops: list[str]) -> None:
    found = [(text.find(stop) + len(stop), text.find(stop)) for stop in stops if stop in text]
    expected = text[: min(found)[1]] if found else text
    assert "".join(stream(tokenizer, text, tuple(stops))) == expected


def test_special_tokens_do_not_show(tokenizer: Any) -> None:
    assert "".join(stream(tokenizer, "Yes.<|im_end|>")) == "Yes."
