"""Texts encoded as a batch have the same tokens and trained spans as each text alone."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.engine.text import batch_encoder
from shared.engine.text.batch_encoder import BatchEncoder
from shared.engine.text.bpe_cache import CachedBpeTokenizer
from shared.engine.text.samples import EncodedSample, RenderedSample
from shared.engine.text.tokenize import BoundaryTokenizer
from tests.unit.engine.tokenizers import FAMILIES, of_family

WORDS = st.sampled_from(
    ["a", "b1", "It's", "Sé", "½", "你", "\n", "\r\n", "\t", ".", "!,", "<|im_end|>", "<|im", "\u0301", "\u0305", "мир"]
)
SPACES = st.sampled_from(["", " ", "  ", "\u00a0", "\u3000", "\u2003 ", "\u0085", "\u2028", "\x1c", "\n "])
Text = tuple[str, list[tuple[int, int]], list[int]]
TEXTS = st.lists(st.tuples(SPACES, WORDS), max_size=14).map(lambda pairs: "".join(a + b for a, b in pairs))


@st.composite
def samples_with_spans(draw: st.DrawFn) -> Text:
    text = draw(TEXTS | st.text(max_size=20))
    positions = sorted(draw(st.sets(st.integers(0, len(text)), max_size=4)))
    return text, list(zip(positions[::2], positions[1::2], strict=False)), positions


@pytest.mark.parametrize("family", FAMILIES)
@settings(max_examples=60)
@given(texts=st.lists(samples_with_spans(), max_size=6))
def test_batch_is_encoded_like_each_of_its_texts(family: str, texts: list[Text]) -> None:
    boundary_tokenizer = BoundaryTokenizer(FAMILIES[family])
    expected = [boundary_tokenizer._encode_by_offsets(*text) for text in texts]
    for _ in ("new", "cached"):
        assert boundary_tokenizer.encode_all([RenderedSample.from_text(*text) for text in texts]) == expected


@pytest.mark.parametrize("limit", ["MAX_PIECES", "MAX_PIECE_BYTES"])
def test_uncached_pieces_are_encoded_again(limit: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batch_encoder, limit, 2)
    boundary_tokenizer = BoundaryTokenizer(FAMILIES["gpt2"])
    for text in ("one two three<|im_end|>", "two four one", "one two three"):
        assert boundary_tokenizer.encode_all([RenderedSample.from_text(text, [], [])]) == [
            boundary_tokenizer.encode(text, [], [])
        ]


def test_ordinary_rows_use_the_batch_encoder() -> None:
    words = CachedBpeTokenizer.of(FAMILIES["seedling"])
    assert words is not None
    prompt, answer = "<|im_start|>assistant\n", "12 naïve “apples”.<|im_end|>"
    text = RenderedSample.from_text(f"{prompt}{answer}\n", [(len(prompt), len(prompt + answer))], [len(prompt)])
    boundary_tokenizer = BoundaryTokenizer(FAMILIES["seedling"])
    assert BatchEncoder(words).encode([text]) == [boundary_tokenizer._encode_by_offsets(*text.in_characters())]


def test_tokenizer_with_words_across_spaces_encodes_text_by_text() -> None:
    tokenizer = of_family(r"\w+ \w+|\s|\S")
    words = CachedBpeTokenizer.of(tokenizer)
    assert words is not None
    assert not words.words_end_at_spaces
    found = BoundaryTokenizer(tokenizer).encode_all([RenderedSample.from_text("the train leaves", [], [])])
    assert found == [EncodedSample.from_ids(tokenizer.encode("the train leaves").ids, [])]


@given(text=st.text(alphabet="aé你", max_size=9), positions=st.sets(st.integers(0, 9), min_size=2, max_size=2))
def test_positions_round_trip_between_characters_and_bytes(text: str, positions: set[int]) -> None:
    start, end = sorted(min(place, len(text)) for place in positions)
    assert RenderedSample.from_text(text, [(start, end)], [start]).in_characters() == (
        text,
        [(start, end)],
        [start],
        (),
    )
