"""The metrics equal those of the reference libraries, alone and combined."""

import math
import tempfile
from pathlib import Path

import evaluate
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from rouge_score.rouge_scorer import RougeScorer
from sacrebleu import corpus_bleu as sacrebleu_corpus

from services.evaluation.engine.losses import Loss, compute_losses
from services.evaluation.engine.metrics.bleu import (
    bleu_for,
    bleu_signature,
    bleu_statistics,
    choose_tokenizer,
    corpus_bleu,
    tokenize_13a,
)
from services.evaluation.engine.metrics.classes import CLASSES, metric
from services.evaluation.engine.metrics.classification import classification
from services.evaluation.engine.metrics.json_fields import row_json
from services.evaluation.engine.metrics.kinds import fitting_metrics
from services.evaluation.engine.metrics.number_match import row_number_match
from services.evaluation.engine.metrics.perplexity import MAX_MEAN_NLL, perplexity
from services.evaluation.engine.metrics.rouge import rouge_scores
from services.evaluation.engine.metrics.scripts import words
from services.evaluation.engine.metrics.token_f1 import row_token_f1
from services.evaluation.engine.scoring import Output, corpus_scores, row_scores, unscored_rows
from shared.engine.text.samples import EncodedSample
from tests.support.data_cases import data_case
from tests.support.tiny_model import make_tiny_model

WORDS = st.lists(
    st.sampled_from(["the", "Cat", "sat,", "on", "the", "mat.", "42", "naïve", "ÅB", "—", "x_y"]), max_size=9
)
ASCII = st.one_of(
    st.lists(st.sampled_from(["the", "Cat", "sat,", "on", "mat.", "42", "x_y", "--"]), max_size=9).map(" ".join),
    st.text(st.characters(max_codepoint=127), max_size=30),
)
TEXT = st.one_of(WORDS.map(" ".join), st.text(max_size=30))
SCRIPTS = st.text(
    st.characters(categories=["L", "N"], include_characters=" .,!?-#$%，。！？、。・🙂🚂👍"), min_size=1, max_size=20
)
ANSWERS = [
    "ok",
    "Zug",
    "火车",
    "列車",
    "기차",
    "поезд",
    "قطار",
    "रेलगाड़ी",
    "รถไฟ",
    "👍",
    "?!",
    "…",
    "。",
    "42",
    "3,5 %",
    "#### 7",
    "{}",
]
PERCENT = {"bleu", "chrf"}
PAIRS = st.lists(st.tuples(TEXT, TEXT), min_size=1, max_size=6)


@settings(max_examples=150)
@given(st.lists(st.tuples(ASCII, ASCII), max_size=4))
def test_rouge_of_ascii_equals_rouge_score(pairs: list[tuple[str, str]]) -> None:
    pairs = [pair for pair in pairs if len(words(pair[1])) > 1] * 90  # more than a block
    scorer = RougeScorer(["rouge1", "rouge2", "rougeL"])
    expected = [scorer.score(reference, prediction) for prediction, reference in pairs[:4]]
    found = rouge_scores([pair[0] for pair in pairs], [pair[1] for pair in pairs])
    assert found[:4] == [{name: score.fmeasure for name, score in one.items()} for one in expected]
    assert found == found[: len(pairs) // 90] * 90


@given(st.text())
def test_words_are_those_between_white_space(text: str) -> None:
    assert words(text) == [word for part in text.split() for word in words(part)]


@settings(max_examples=50)
@given(pairs=PAIRS)
def test_bleu_equals_sacrebleu(pairs: list[tuple[str, str]]) -> None:
    predictions, references = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
    bleu = bleu_for(references)
    expected = sacrebleu_corpus(
        predictions, [references], tokenize=choose_tokenizer(references), use_effective_order=bleu.effective_order
    )
    assert corpus_bleu(predictions, references)["bleu"] == pytest.approx(expected.score)


@settings(max_examples=100)
@given(texts=st.lists(st.one_of(st.sampled_from(ANSWERS), SCRIPTS), min_size=1, max_size=4))
def test_identical_answers_have_the_highest_score(texts: list[str]) -> None:
    """In every script, also single words, punctuation, emoji and digits."""
    answers = [text for text in texts if text.strip()]
    assume(answers)
    names = [name for name in CLASSES if name != "perplexity"]
    output = Output([*answers], None)
    with tempfile.TemporaryDirectory() as folder:
        corpus = corpus_scores(names, output, answers, Path(folder))
    rows = row_scores(names, output, answers)
    for scores in (corpus, *rows):
        assert scores == {name: pytest.approx(100.0 if name in PERCENT else 1.0) for name in scores}
    assert {"bleu", "rouge2", "chrf", "token_f1", "exact_match", "macro_f1"} <= set(corpus)


@data_case(
    "Scores",
    "Labels of one word, all answered correctly",
    "every score is the highest, also BLEU",
    "mjpost/sacrebleu#239",
)
def test_bleu_of_short_labels_has_an_effective_order() -> None:
    labels = ["invoice", "delivery", "complaint", "delivery"]
    assert corpus_bleu(labels, labels) == {"bleu": pytest.approx(100.0)}
    assert "eff:yes" in bleu_signature(labels)
    assert corpus_bleu(["invoice", "x", "complaint", "y"], labels)["bleu"] == pytest.approx(50.0)
    assert "eff:no" in bleu_signature(["This reference has enough tokens."])


@data_case(
    "Scores",
    "Answers in Chinese or another script",
    "BLEU has the tokenizer of the script, ROUGE its characters or words",
    "hiyouga/LLaMA-Factory#4286",
)
@pytest.mark.parametrize(
    ("prediction", "reference", "tokenizer", "rouge1"),
    [
        ("火车九点从北站开出。", "火车九点从南站开出。", "zh", 8 / 9),
        ("Der Zug fährt um neun ab.", "Der Zug fährt um zehn ab.", "13a", 5 / 6),
        ("電車は九時に出ます。", "電車は十時に出ます。", "char", 8 / 9),
        ("기차는 아홉 시에 떠난다.", "기차는 열 시에 떠난다.", "char", 2 * 8 / (10 + 9)),
        ("Поезд отходит в девять.", "Поезд отходит в десять.", "intl", 3 / 4),
        ("गाड़ी नौ बजे जाती है।", "गाड़ी दस बजे जाती है।", "intl", 4 / 5),
    ],
)
def test_scores_follow_the_script(prediction: str, reference: str, tokenizer: str, rouge1: float) -> None:
    assert f"tok:{tokenizer}|" in bleu_signature([reference])
    expected = sacrebleu_corpus([prediction], [[reference]], tokenize=tokenizer).score
    assert corpus_bleu([prediction], [reference])["bleu"] == pytest.approx(expected)
    assert rouge_scores([prediction], [reference])[0]["rouge1"] == pytest.approx(rouge1)


def test_rows_without_reference_are_not_scored(tmp_path: Path) -> None:
    output = Output(["", "yes", "no"], None)
    scores = corpus_scores(["exact_match", "bleu", "rouge"], output, ["", "yes", "yes"], tmp_path)
    assert scores["exact_match"] == scores["rouge1"] == 0.5
    assert row_scores(["exact_match"], output, ["", "yes", "yes"])[0] == {}
    assert corpus_scores(["exact_match", "bleu"], Output([""], None), [" "], tmp_path) == {}


def test_metrics_can_be_combined_by_evaluate(tmp_path: Path) -> None:
    assert all(issubclass(kind, evaluate.Metric) for kind in CLASSES.values())
    combined = evaluate.combine([metric(name, tmp_path) for name in ("bleu", "rouge", "exact_match")])
    scores = combined.compute(predictions=["a b c d e", "no "], references=["a b c d e", "no"])
    assert scores["exact_match"] == 1.0
    assert scores["rougeL"] == 1.0
    assert scores["bleu"] == pytest.approx(100.0)
    assert metric("perplexity", tmp_path).compute(predictions=[2.0, 4.0], references=[1, 5]) == {"perplexity": math.e}


def test_perplexity_is_weighted_by_tokens() -> None:
    assert perplexity([math.log(2), 3 * math.log(8)], [1, 3])["perplexity"] == pytest.approx(2 ** (10 / 4))
    assert perplexity([0.0], [0]) == {}
    assert perplexity([1e9], [1]) == {"perplexity": math.exp(MAX_MEAN_NLL)}


def test_batched_losses_equal_losses_of_single_rows(tmp_path: Path) -> None:
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(make_tiny_model(tmp_path), dtype=torch.float32).eval()
    rows = [
        EncodedSample.from_ids([5, 6, 7, 8, 9], [(2, 5)]),
        EncodedSample.from_ids([10, 11, 12], [(0, 2)]),
        EncodedSample.from_ids([13, 14], []),
    ]
    counted: list[tuple[int, int]] = []
    losses = compute_losses(model, rows, 64, lambda done, total: counted.append((done, total)))
    assert counted[-1] == (3, 3)
    for row, loss in zip(rows, losses, strict=True):
        with torch.inference_mode():
            logs = model(input_ids=torch.tensor([row.input_ids])).logits[0].log_softmax(-1)
        trained = [i for i in range(1, len(row.input_ids)) if row.trained[i]]
        expected_nats = -sum(float(logs[i - 1, row.input_ids[i]]) for i in trained)
        assert loss.tokens == len(trained)
        assert loss.nats == pytest.approx(expected_nats, rel=1e-5)
    assert losses[2] == Loss(0.0, 0)


GSM8K = (  # from the GSM8K data set (Cobbe et al. 2021), MIT license
    "Janet sells 16 - 3 - 4 = <<16-3-4=9>>9 duck eggs a day.\n"
    "She makes 9 * 2 = $<<9*2=18>>18 every day at the farmer’s market.\n#### 18"
)


@data_case(
    "Scores",
    "Answers that end with a number, as in GSM8K, with separators of any country",
    "number_match compares the values of the final numbers",
    "",
)
@pytest.mark.parametrize(
    ("prediction", "reference", "score"),
    [
        ("9 eggs, so $18.00", GSM8K, 1.0),
        ("#### 18\n", GSM8K, 1.0),
        ("18 - 9 = 9", GSM8K, 0.0),
        ("no idea", GSM8K, 0.0),
        ("It costs $1,234.0.", "1234", 1.0),
        ("2,5", "3,5 %", 0.0),
        ("3.50", "3,5 %", 1.0),
        ("It is −7 degrees", "-7", 1.0),
        ("1,234,567.5", "#### 1234567.5", 1.0),
        ("He pays #### 12 for 3 nights.", "#### 12", 1.0),
        ("20 000", "10 000", 0.0),
        ("10,000", "10 000", 1.0),
        ("12’500 Fr.", "12500", 1.0),
        ("9.999,56", "1.234,56", 0.0),
        ("1234.56", "1.234,56", 1.0),
        ("2.500.000", "1.500.000", 0.0),
        ("1500000", "1.500.000", 1.0),
        ("12,34,567", "₹1234567", 1.0),
        ("0.125", "0,125", 1.0),
        ("3/2", "1/2", 0.0),
        ("0.5", "1/2", 1.0),
        ("1/0", "1/2", 0.0),
        ("5e-3", "2e-3", 0.0),
        ("1500", "1.5e3", 1.0),
        ("0" * 5_000, "0", 1.0),
    ],
)
def test_final_numbers_are_compared(prediction: str, reference: str, score: float) -> None:
    assert row_number_match(prediction, reference) == {"number_match": score}
    assert fitting_metrics([reference]) == ["number_match"]


def test_token_f1_is_that_of_squad() -> None:
    assert row_token_f1("The night train!", "a night train") == {"token_f1": 1.0}
    assert row_token_f1("night bus, I think", "the night train")["token_f1"] == pytest.approx(2 * 1 / (4 + 2))
    assert row_token_f1("火车九点", "火车十点")["token_f1"] == pytest.approx(3 / 4)
    assert row_token_f1("?", "!") == {"token_f1": 0.0}


@data_case("Scores", "Answers in JSON", "json_valid and json_fields are added", "")
def test_json_answers_are_compared_by_field() -> None:
    reference = '{"city": "Ulm", "stops": [1, 2], "open": true}'
    assert row_json('{"open": true, "stops": [1, 2.0], "city": "Ulm"}', reference) == {
        "json_valid": 1,
        "json_fields": 1,
    }
    found = row_json('{"city": "Bonn", "stops": [1], "open": 1, "more": null}', reference)
    assert found == {"json_valid": 1, "json_fields": pytest.approx(1 / 5)}
    assert row_json("Sure: " + reference, reference) == {"json_valid": 0, "json_fields": 0}
    assert row_json("{}", "free text") == {}
    assert fitting_metrics([reference] * 9 + ["free text"]) == ["json"]
    assert unscored_rows("json", [reference, "free text", ""]) == [1]


@data_case("Scores", "References that are a few short labels", "accuracy and macro_f1 are added", "")
def test_labels_are_classified() -> None:
    labels = ["late", "late", "late", "early", "early", "early"]
    assert fitting_metrics(labels) == ["classification"]
    assert fitting_metrics(["one answer", "another answer", "a third one"]) == []
    scores = classification(["Late ", "late", "late", "late", "early", "?"], labels)
    assert scores == {"accuracy": pytest.approx(4 / 6), "macro_f1": pytest.approx((2 * 3 / 7 + 2 * 1 / 4) / 2)}


TRICKY = st.text(st.sampled_from("ab07.,-&;/'\"<>#\n\t é中 ") | st.characters(exclude_categories=["Cs"]), max_size=40)
PARTS = st.lists(
    st.sampled_from(["1.5", "a.", "..", ",,3", "3-4", "-\n", "&amp;", "&lt;b", "<skipped>", "it's"]) | TRICKY
)


@given(PARTS.map("".join))
@settings(max_examples=300, deadline=None)
def test_tokens_equal_sacrebleus(text: str) -> None:
    assert tokenize_13a(text) == bleu_for(["plain"]).tokenizer(text.rstrip()).split()


@given(st.lists(st.tuples(PARTS.map("".join), PARTS.map("".join)), min_size=1, max_size=4))
@settings(max_examples=100, deadline=None)
def test_counts_equal_sacrebleus(pairs: list[tuple[str, str]]) -> None:
    answers, references = map(list, zip(*pairs, strict=True))
    bleu = bleu_for(references)
    assert bleu_statistics(answers, references).tolist() == bleu._extract_corpus_statistics(answers, [references])
    expected = bleu.corpus_score(answers, [references]).score
    assert corpus_bleu(answers, references)["bleu"] == pytest.approx(min(expected, 100.0), abs=1e-9)
