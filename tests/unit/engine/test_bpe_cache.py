"""The BPE cache gives the tokenizer's own ids, for every tokenizer that it accepts."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import AddedToken, Tokenizer, models

from shared.engine.text.bpe_cache import CachedBpeTokenizer
from shared.engine.text.tokenize import BoundaryTokenizer
from tests.support.tiny_model import make_tiny_tokenizer
from tests.unit.engine.tokenizers import FAMILIES, of_family

LETTERS = "ab1 \n\t\r'stSé½你.,<|im_end>ſ²\u00a0\u0301"


@pytest.mark.parametrize("family", FAMILIES)
@settings(max_examples=60)
@given(text=st.text(max_size=60) | st.text(alphabet=LETTERS, max_size=60))
def test_cached_ids_equal_those_of_the_tokenizer(family: str, text: str) -> None:
    words = CachedBpeTokenizer.of(FAMILIES[family])
    assert words is not None
    found = words.ids(text)
    assert found in (FAMILIES[family].encode(text, add_special_tokens=False).ids, None)
    assert found is not None or family == "qwen"  # the tokenizer itself encodes text that NFC changes


@pytest.mark.parametrize("family", ["gpt2", "llama3"])
def test_every_character_has_the_same_class_as_in_the_tokenizer(family: str) -> None:
    words = CachedBpeTokenizer.of(FAMILIES[family])
    assert words is not None
    for start in [*range(0, 0x3400, 256), *range(0xA000, 0xAC00, 256), *range(0xF900, 0x12000, 256)]:
        text = "".join(f"a{chr(code)}b 1{chr(code)}2 {chr(code)}." for code in range(start, start + 256))
        assert words.ids(text) in (FAMILIES[family].encode(text, add_special_tokens=False).ids, None)


@settings(max_examples=100)
@given(parts=st.lists(st.text(alphabet=LETTERS, max_size=12), min_size=1, max_size=6), trained=st.data())
def test_boundaries_and_spans_equal_those_by_offsets(parts: list[str], trained: st.DataObject) -> None:
    boundary_tokenizer = BoundaryTokenizer(FAMILIES["gpt2"])
    text = "<|im_end|>".join(parts)
    positions = sorted(trained.draw(st.sets(st.integers(0, len(text)), max_size=3)))
    spans = [(position, len(text)) for position in positions[:1]]
    assert boundary_tokenizer.encode(text, spans, positions) == boundary_tokenizer._encode_by_offsets(
        text, spans, positions
    )


def test_ordinary_conversations_use_the_cache() -> None:
    boundary_tokenizer = BoundaryTokenizer(FAMILIES["seedling"])
    prompt, answer = "<|im_start|>user\nhow much?<|im_end|>\n<|im_start|>assistant\n", "12 apples.<|im_end|>"
    span = (len(prompt), len(prompt + answer))
    cached = boundary_tokenizer._encode_cached(f"{prompt}{answer}\n", [span], [len(prompt)])
    assert cached == boundary_tokenizer._encode_by_offsets(f"{prompt}{answer}\n", [span], [len(prompt)])


def with_rules(**rules: Any) -> Tokenizer:
    text = json.loads(make_tiny_tokenizer().backend_tokenizer.to_str())
    return Tokenizer.from_str(json.dumps({**text, **rules}))


def with_lstrip_token() -> Tokenizer:
    made = of_family(None)
    made.add_tokens([AddedToken("<sp>", lstrip=True, normalized=False)])
    return made


@pytest.mark.parametrize(
    "tokenizer",
    [
        with_rules(normalizer={"type": "Lowercase"}),
        with_rules(pre_tokenizer={"type": "Whitespace"}),
        with_rules(
            pre_tokenizer={"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": True, "use_regex": True}
        ),
        with_lstrip_token(),
        Tokenizer(models.WordLevel({"a": 0}, unk_token="a")),
    ],
)
def test_tokenizer_with_unknown_rules_is_not_cached(tokenizer: Tokenizer) -> None:
    assert CachedBpeTokenizer.of(tokenizer) is None


def test_tokenizers_still_has_the_call_that_disables_its_cache() -> None:
    """It is private; without it every engine that tokenizes holds 4 MB more."""
    assert callable(FAMILIES["gpt2"].model._resize_cache)
