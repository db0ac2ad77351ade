"""Direct preference optimization (DPO): learning, checkpoints, budgets and saved models."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from services.training.engine.data.packing import rows_per_micro_batch
from shared.engine.loading.load import load_model
from shared.engine.process.protocol import EngineError
from shared.engine.text.template import ChatTemplate
from shared.engine.text.tokenizer import load_tokenizer
from tests.support.data_cases import data_case
from tests.support.tiny_model import make_tiny_model
from tests.unit.training.engine.engine_run import WORDS, RecordingReporter, make_spec, run, run_and_copy, write_shard

BETA = 0.1


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_tiny_model(tmp_path_factory.mktemp("tiny"))


def preferences(count: int, seed: int = 0) -> list[dict[str, Any]]:
    """Generate preference pairs: questions with a kind and a rude answer."""
    rng, rows = random.Random(seed), []
    for _ in range(count):
        words = [rng.choice(WORDS) for _ in range(rng.randint(1, 12))]
        kind, rude = f"{words[0]} please", f"no {words[-1]} for you"
        rows.append(
            {
                "messages": [{"role": "user", "content": " ".join(words)}],
                "chosen": [{"role": "assistant", "content": kind}],
                "rejected": [{"role": "assistant", "content": rude}],
            }
        )
    return rows


def make_pair_spec(folder: Path, model: Path, *, rows: int = 20, **hyperparameters: Any) -> dict[str, Any]:
    settings = {"objective": "dpo", "beta": BETA, **hyperparameters}
    spec = make_spec(folder, model, form="preference", **settings)
    spec["dataset"]["train"] = [write_shard(folder / "pairs.parquet", preferences(rows))]
    spec["dataset"]["validation"] = [write_shard(folder / "others.parquet", preferences(8, seed=1))]
    return spec


def rewards(ref: dict[str, Any], base: dict[str, Any], rows: list[dict[str, Any]]) -> tuple[float, float]:
    """Compute the reward accuracy and the mean margin of `rows` with plain forward passes."""
    template = ChatTemplate.of(load_tokenizer(base))
    tuned, untuned = load_model(ref, dtype="float32"), load_model(base, dtype="float32")

    def log_likelihood(model: Any, row: dict[str, Any], answer: str) -> float:
        encoded = template.encode({"messages": [*row["messages"], *row[answer]], "train_from": len(row["messages"])})
        ids, trained = torch.tensor(encoded.input_ids), torch.tensor(encoded.trained)[1:]
        with torch.no_grad():
            logits = model(input_ids=ids[None]).logits[0, :-1]
        return -torch.nn.functional.cross_entropy(logits[trained], ids[1:][trained], reduction="sum").item()

    margins = [
        BETA * (log_likelihood(tuned, row, "chosen") - log_likelihood(untuned, row, "chosen"))
        - BETA * (log_likelihood(tuned, row, "rejected") - log_likelihood(untuned, row, "rejected"))
        for row in rows
    ]
    return sum(margin > 0 for margin in margins) / len(margins), sum(margins) / len(margins)


@pytest.mark.parametrize(
    ("method", "learning_rate", "dtype"), [("lora", 6e-3, "fp32"), ("full", 1e-3, "fp32"), ("qlora", 6e-3, "bf16")]
)
def test_dpo_learns_to_prefer_the_chosen_answer(
    tmp_path: Path, model: Path, method: str, learning_rate: float, dtype: str
) -> None:
    spec = make_pair_spec(tmp_path, model, method=method, learning_rate=learning_rate, dtype=dtype)
    result, reporter = run(spec)
    first, *_, last = reporter.of_kind("evaluation")
    assert first["loss"] == pytest.approx(0.6931, abs=1e-3)  # ln 2: policy and reference are the same model
    assert first["rewards/margins"] == pytest.approx(0, abs=1e-4)
    assert last["loss"] < 0.5 * first["loss"]
    assert (last["rewards/accuracies"], result["ended"], result["steps"]) == (1.0, "all_steps", 10)
    assert [m["step"] for m in reporter.of_kind("metric")] == list(range(1, 11))
    assert [m["step"] for m in reporter.of_kind("checkpoint")] == [5]
    assert all(m["rewards/margins"] > 0 for m in reporter.of_kind("metric")[3:])
    if method != "qlora":  # its base model is quantized here and loads in full precision elsewhere
        kind = "full" if method == "full" else "adapter"
        saved = {"path": spec["output"], "kind": kind, "base": spec["model"] if kind == "adapter" else None}
        accuracy, margin = rewards(saved, spec["model"], preferences(8, seed=1))
        assert accuracy == 1.0
        assert margin == pytest.approx(reporter.of_kind("evaluation")[-1]["rewards/margins"], rel=1e-3)
    assert reporter.of_kind("warning") == []


@pytest.mark.parametrize("method", ["full", "qlora"])
def test_killed_and_resumed_run_equals_uninterrupted_run(tmp_path: Path, model: Path, method: str) -> None:
    settings = {"method": method, "learning_rate": 1e-3, "micro_batch_tokens": 300}
    spec = make_pair_spec(tmp_path, model, **settings)
    result, uninterrupted, resumed_spec = run_and_copy(tmp_path, spec)
    resumed_result, resumed = run(resumed_spec)
    assert resumed.of_kind("resumed") == [{"kind": "resumed", "step": 5}]
    expected = {step: loss for step, loss in uninterrupted.losses().items() if step > 5}
    assert resumed.losses() == pytest.approx(expected, rel=1e-5)
    assert resumed_result["metrics"] == pytest.approx(result["metrics"], rel=1e-5)
    weights = [load_file(next(Path(each["output"]).glob("*.safetensors"))) for each in (spec, resumed_spec)]
    assert weights[0].keys() == weights[1].keys()
    assert all(torch.allclose(weights[0][name], weights[1][name], rtol=1e-4, atol=1e-6) for name in weights[0])


def test_stop_saves_a_checkpoint_of_the_last_complete_step(tmp_path: Path, model: Path) -> None:
    spec = make_pair_spec(tmp_path, model, checkpoint_every=100)
    stopped, _ = run(spec, RecordingReporter(sigterm_at=3))
    assert (stopped["stopped"], stopped["steps"]) == (True, 3)
    result, reporter = run({**spec, "resume_from": stopped["checkpoint"]})
    assert [m["step"] for m in reporter.of_kind("metric")] == list(range(4, 11))
    assert result["steps"] == 10


def test_canceled_run_leaves_no_checkpoint(tmp_path: Path, model: Path) -> None:
    stopped, reporter = run(make_pair_spec(tmp_path, model, method="full"), commands=b'{"op": "cancel"}\n')
    assert (stopped["stopped"], stopped["checkpoint"], reporter.of_kind("metric")) == (True, None, [])


def test_token_and_time_budgets_end_a_dpo_run(tmp_path: Path, model: Path) -> None:
    result, reporter = run(make_pair_spec(tmp_path / "b", model, max_tokens=2000))
    spent = [m["tokens"] for m in reporter.of_kind("metric")]
    assert (result["ended"], result["steps"] < 10, spent[-1] <= 2000) == ("max_tokens", True, True)
    endless = {"max_steps": 1_000_000, "eval_every": 100_000, "checkpoint_every": 100_000}
    result, reporter = run(make_pair_spec(tmp_path / "c", model, **endless, max_minutes=0.01))
    assert result["ended"] == "max_minutes"
    assert reporter.of_kind("evaluation")[-1]["step"] == result["steps"]


def test_dpo_run_without_improvement_stops_early(tmp_path: Path, model: Path) -> None:
    spec = make_pair_spec(tmp_path, model, learning_rate=1e-15, eval_every=1, early_stopping_patience=2)
    result, _ = run(spec)
    assert (result["ended"], result["best_step"], result["steps"]) == ("no_gain", 0, 2)


def test_dpo_losses_do_not_depend_on_micro_batch_size(tmp_path: Path, model: Path) -> None:
    losses = [
        run(make_pair_spec(tmp_path / str(tokens), model, rows=24, max_steps=6, micro_batch_tokens=tokens))[1].losses()
        for tokens in (4096, 64)
    ]
    assert losses[0] == pytest.approx(losses[1], rel=1e-4)


def test_pairs_without_trained_tokens_are_skipped(tmp_path: Path, model: Path) -> None:
    spec = make_pair_spec(tmp_path, model, max_length=100, max_steps=1)
    overlong = {**preferences(1)[0], "messages": [{"role": "user", "content": "word " * 60}]}
    spec["dataset"]["train"] = [write_shard(tmp_path / "mixed.parquet", [*preferences(6), overlong])]
    result, _ = run(spec)
    assert result["provenance"]["samples"]["train"] == {"used": 6, "truncated": 0, "set_aside": 1}


@data_case(
    "Preferences",
    "Pairs whose answers are the same once they are truncated",
    "skipped, counted in a warning",
    "huggingface/trl#5826",
)
def test_pairs_that_are_identical_when_truncated_are_skipped(tmp_path: Path, model: Path) -> None:
    spec = make_pair_spec(tmp_path, model, max_length=100, max_steps=1)
    pair = preferences(1)[0]
    for side in ("chosen", "rejected"):
        pair[side] = [{"role": "assistant", "content": "word " * 60 + side}]
    spec["dataset"]["train"] = [write_shard(tmp_path / "mixed.parquet", [*preferences(6), pair])]
    result, reporter = run(spec)
    assert result["provenance"]["samples"]["train"] == {"used": 6, "truncated": 0, "set_aside": 1}
    (warning,) = [each for each in reporter.of_kind("warning") if each["code"] == "identical_pairs"]
    assert (warning["count"], warning["example"]) == (1, "upload.jsonl:7")
    assert warning["remedy"] == "Raise max_length, or shorten these rows."
    assert "1 of 7 training pairs" in warning["detail"]

    spec["dataset"]["train"] = [write_shard(tmp_path / "identical.parquet", [pair])]
    with pytest.raises(EngineError, match="1 pairs have the same answer twice") as caught:
        run(spec)
    assert (caught.value.code, caught.value.fields["field"]) == ("nothing_to_train", "max_length")


def test_non_finite_loss_fails_the_run(tmp_path: Path, model: Path) -> None:
    with pytest.raises(EngineError) as caught:
        run(make_pair_spec(tmp_path, model, method="full", learning_rate=1e9, scheduler="constant", warmup_steps=0))
    assert (caught.value.code, "at step 2" in caught.value.detail) == ("diverged", True)


@pytest.mark.parametrize("method", ["full", "lora"])
def test_base_model_without_padding_token_is_saved_without_one(tmp_path: Path, method: str) -> None:
    bare = make_tiny_model(tmp_path / "bare")
    for name in ("tokenizer_config.json", "config.json", "generation_config.json"):
        config = json.loads((bare / name).read_text())
        config.pop("pad_token", None), config.pop("pad_token_id", None)
        (bare / name).write_text(json.dumps(config))
    base = {"path": str(bare), "kind": "full", "base": None}
    assert load_tokenizer(base).pad_token is None
    spec = make_pair_spec(tmp_path, bare, method=method, max_steps=1)
    result, _ = run(spec)
    saved = {
        "path": spec["output"],
        **({"kind": "full"} if method == "full" else {"kind": "adapter", "base": base}),
    }
    assert load_tokenizer(saved).pad_token is None
    assert ChatTemplate.of(load_tokenizer(saved)).hash == result["template_hash"]
    if method == "full":
        config = json.loads((Path(spec["output"]) / "config.json").read_text())
        assert (config.get("pad_token_id"), config["eos_token_id"]) == (
            None,
            json.loads((bare / "config.json").read_text())["eos_token_id"],
        )


@pytest.mark.parametrize(
    ("tokens", "rows", "at_least", "expected"),
    [(100, 8, 1, 4), (200, 8, 1, 2), (150, 9, 1, 3), (1_000, 8, 1, 1), (10, 0, 1, 1), (1_000, 9, 2, 3), (10, 1, 2, 1)],
)
def test_micro_batch_holds_the_most_rows_that_divide_evenly(
    tokens: int, rows: int, at_least: int, expected: int
) -> None:
    assert rows_per_micro_batch(tokens, rows, 500, at_least) == expected
