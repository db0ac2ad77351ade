"""The bundled base model and its corpus: reproducible, free of demo and benchmark rows, loadable."""

from __future__ import annotations

import hashlib
import json
import re
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from services.dataset.samples import make_triage
from tools.seedling.corpus import Document, generate_documents
from tools.seedling.wordnet import Sense, WordNetMissing, read_senses

ROOT = Path(__file__).parents[3]
SEEDLING = ROOT / "services/training/seedling"
SAMPLES = ROOT / "services/dataset/samples"
SENSES = [
    Sense(("kettle", "boiler"), "noun", "a metal pot for heating water", ("the kettle sings",)),
    Sense(("mend",), "verb", "make whole again", ("she mended the sock", "mend a quarrel")),
] * 12
# blake2b-48 of the first eight words of every sixteenth GSM8K question: detects a leak without shipping a row
OPENINGS = frozenset((Path(__file__).parent / "gsm8k_openings.txt").read_text(encoding="utf-8").split())


def text_of(document: Document) -> str:
    return document.text or "\n".join(message["content"] for message in document.messages)


def openings(text: str) -> set[str]:
    words = re.findall(r"[a-z0-9']+", text.lower())
    windows = (" ".join(words[i : i + 8]) for i in range(max(1, len(words) - 7)))
    return {hashlib.blake2b(window.encode(), digest_size=6).hexdigest() for window in windows}


@pytest.fixture(scope="module")
def corpus() -> list[Document]:
    return list(islice(generate_documents(7, SENSES), 1500))


def test_same_seed_gives_same_corpus(corpus: list[Document]) -> None:
    assert list(islice(generate_documents(7, SENSES), 1500)) == corpus
    assert list(islice(generate_documents(8, SENSES), 1500)) != corpus


def test_about_half_of_the_corpus_is_dialogue(corpus: list[Document]) -> None:
    dialogue_chars = sum(len(text_of(document)) for document in corpus if document.messages)
    assert 0.4 < dialogue_chars / sum(len(text_of(document)) for document in corpus) < 0.75


def test_conversations_alternate_and_end_with_the_assistant(corpus: list[Document]) -> None:
    roles = [[message["role"] for message in document.messages] for document in corpus if document.messages]
    assert all(turns[-1] == "assistant" for turns in roles)
    assert {role for turns in roles for role in turns} == {"system", "user", "assistant", "tool"}


def test_templates_are_fully_expanded(corpus: list[Document]) -> None:
    prose = "\n".join(document.text for document in corpus)
    assert not re.search(r"[{}|\[\]]", prose)


def test_corpus_has_no_wording_reply_or_field_of_the_demo(corpus: list[Document]) -> None:
    text = "\n".join(map(text_of, corpus)).lower()
    wordings = [w for group in (make_triage.TOPICS, make_triage.URGENCIES) for ws in group.values() for w in ws]
    replies = [*make_triage.ACTION.values(), *make_triage.PROMISE.values()]
    fields = ['"topic":', '"urgency":', '"reply":']
    assert [phrase for phrase in [*wordings, *replies, *fields] if phrase.lower() in text] == []


def test_gsm8k_opening_is_detected() -> None:
    assert openings("Natalia sold clips to 48 of her friends in April") & OPENINGS


def test_corpus_has_no_gsm8k_row(corpus: list[Document]) -> None:
    assert [text_of(document) for document in corpus if openings(text_of(document)) & OPENINGS] == []
    assert not any("####" in text_of(document) or "<<" in text_of(document) for document in corpus)


def test_missing_wordnet_error_names_the_package(tmp_path: Path) -> None:
    with pytest.raises(WordNetMissing, match="wordnet-base"):
        read_senses(tmp_path)


def read_rows(name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (SAMPLES / name).read_text(encoding="utf-8").splitlines()]


def test_samples_match_their_script() -> None:
    rows = make_triage.rows()
    assert read_rows("triage.jsonl") == rows[:240]
    assert read_rows("triage-heldout.jsonl") == rows[240:]


def test_held_out_rows_are_new_combinations_of_known_wordings() -> None:
    train = [row["messages"][0]["content"].lower() for row in read_rows("triage.jsonl")]
    issues = [wording for wordings in make_triage.TOPICS.values() for wording in wordings]
    urgencies = [wording for wordings in make_triage.URGENCIES.values() for wording in wordings]
    for row in read_rows("triage-heldout.jsonl"):
        text = row["messages"][0]["content"].lower()
        issue = next(wording for wording in issues if wording.lower() in text)
        urgency = next(wording for wording in urgencies if wording.lower() in text)
        with_issue = [other for other in train if issue.lower() in other]
        assert with_issue
        assert any(urgency.lower() in other for other in train)
        assert not any(urgency.lower() in other for other in with_issue)


@pytest.fixture(scope="module")
def tokenizer() -> Any:
    transformers = pytest.importorskip("transformers")
    return transformers.AutoTokenizer.from_pretrained(SEEDLING)


def test_special_tokens_have_fixed_ids(tokenizer: Any) -> None:
    names = ["<|endoftext|>", "<|pad|>", "<|im_start|>", "<|im_end|>"]
    assert tokenizer.convert_tokens_to_ids(names) == [0, 1, 2, 3]
    assert (tokenizer.eos_token_id, tokenizer.pad_token_id, tokenizer.bos_token_id) == (0, 1, None)
    assert len(tokenizer) == 3072


@pytest.mark.parametrize("text", ["Two  spaces, 1,234.5 and\ttabs\n\n", "naïve 日本語 🙂", '{"a":[1,2]}', "$12/60=0.2"])
def test_tokenizer_round_trips(tokenizer: Any, text: str) -> None:
    assert tokenizer.decode(tokenizer(text, add_special_tokens=False)["input_ids"]) == text


def test_digits_are_single_tokens(tokenizer: Any) -> None:
    assert len(tokenizer("90210", add_special_tokens=False)["input_ids"]) == 5


CHAT = [
    {"role": "system", "content": "Be brief."},
    {"role": "user", "content": "How warm is it?"},
    {"role": "assistant", "content": "Let me look."},
    {"role": "tool", "content": '{"degrees":7}'},
    {"role": "assistant", "content": "Seven degrees."},
]


def render(tokenizer: Any, messages: list[dict[str, str]], add_generation_prompt: bool = False) -> str:
    return str(tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=add_generation_prompt))


def test_chat_template_renders_chatml(tokenizer: Any) -> None:
    expected = "<|im_start|>user\nHow warm is it?<|im_end|>\n<|im_start|>assistant\n"
    assert render(tokenizer, CHAT[1:2], add_generation_prompt=True) == expected
    assert render(tokenizer, CHAT[:1]) == "<|im_start|>system\nBe brief.<|im_end|>\n"


def test_rendered_chat_is_a_prefix_of_the_longer_chat(tokenizer: Any) -> None:
    for k in range(1, len(CHAT)):
        answers_next = CHAT[k]["role"] == "assistant"
        assert render(tokenizer, CHAT[: k + 1]).startswith(
            render(tokenizer, CHAT[:k], add_generation_prompt=answers_next)
        )


def test_model_is_small_and_loadable() -> None:
    transformers = pytest.importorskip("transformers")
    assert (SEEDLING / "model.safetensors").stat().st_size <= 12_000_000
    model = transformers.AutoModelForCausalLM.from_pretrained(SEEDLING)
    assert model.num_parameters() < 5_000_000
    assert model.get_input_embeddings().weight is model.get_output_embeddings().weight
    assert model.generation_config.eos_token_id == [3, 0]
