"""The metrics equal those of the reference libraries, alone and combined."""

import math
from pathlib import Path

import evaluate
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from rouge_score.rouge_scorer import RougeScorer
from sacrebleu import corpus_bleu as sacrebleu_corpus

from services.evaluation.engine.losses import Loss, compute_losses
from services.evaluation.engine.metrics import CLASSES, metric
from services.evaluation.engine.metrics.bleu import corpus_bleu
from services.evaluation.engine.metrics.perplexity import MAX_MEAN_NLL, perplexity
from services.evaluation.engine.metrics.rouge import row_rouge
from shared.engine.text.samples import EncodedSample
from tests.support.tiny_model import make_tiny_model

WORDS = st.lists(
    st.sampled_from(["the", "Cat", "sat,", "on", "the", "mat.", "42", "naïve", "ÅB", "—", "x_y"]), max_size=9
)
TEXT = st.one_of(WORDS.map(" ".join), st.text(max_size=30))
PAIRS = st.lists(st.tuples(TEXT, TEXT), min_size=1, max_size=6)


@settings(max_examples=150)
@given(prediction=TEXT, reference=TEXT)
def test_rouge_equals_rouge_score(prediction: str, reference: str) -> None:
    expected = RougeScorer(["rouge1", "rouge2", "rougeL"]).score(reference, prediction)
    assert row_rouge(prediction, reference) == {name: score.fmeasure for name, score in expected.items()}


@settings(max_examples=50)
@given(pairs=PAIRS)
def test_bleu_equals_sacrebleu(pairs: list[tuple[str, str]]) -> None:
    predictions, references = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
    assert corpus_bleu(predictions, references)["bleu"] == sacrebleu_corpus(predictions, [references]).score


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
