"""Direct preference optimization: what it learns, and that it is a run as any other."""

from __future__ import annotations

import json
import random
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from services.training.engine.preference.dpo import pairs_per_micro_batch
from shared.engine.loading.load import load_model
from shared.engine.process.protocol import EngineError
from shared.engine.text.template import ChatTemplate
from shared.engine.text.tokenizer import load_tokenizer
from tests.support.tiny_model import make_tiny_model
from tests.unit.training.engine.engine_run import WORDS, Crash, Journal, make_spec, run, write_shard

BETA = 0.1


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_tiny_model(tmp_path_factory.mktemp("tiny"))


def preferences(count: int, seed: int = 0) -> list[dict[str, Any]]:
    """Questions with a kind answer and a rude one."""
    chance, rows = random.Random(seed), []
    for _ in range(count):
        said = [chance.choice(WORDS) for _ in range(chance.randint(1, 12))]
        kind, rude = f"{said[0]} please", f"no {said[-1]} for you"
        rows.append(
            {
                "messages": [{"role": "user", "content": " ".join(said)}],
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
    """Share of the rows whose chosen answer is rewarded more, and the mean margin, by plain forward passes."""
    template = ChatTemplate.of(load_tokenizer(base))
    tuned, untuned = load_model(ref, dtype="float32"), load_model(base, dtype="float32")

    def likelihood(model: Any, row: dict[str, Any], answer: str) -> float:
        said = template.encode({"messages": [*row["messages"], *row[answer]], "train_from": len(row["messages"])})
        ids, trained = torch.tensor(said.input_ids), torch.tensor(said.trained)[1:]
        with torch.no_grad():
            logits = model(input_ids=ids[None]).logits[0, :-1]
        return -torch.nn.functional.cross_entropy(logits[trained], ids[1:][trained], reduction="sum").item()

    margins = [
        BETA * (likelihood(tuned, row, "chosen") - likelihood(untuned, row, "chosen"))
        - BETA * (likelihood(tuned, row, "rejected") - likelihood(untuned, row, "rejected"))
        for row in rows
    ]
    return sum(margin > 0 for margin in margins) / len(margins), sum(margins) / len(margins)


@pytest.mark.parametrize(
    ("method", "rate", "dtype"), [("lora", 6e-3, "fp32"), ("full", 1e-3, "fp32"), ("qlora", 6e-3, "bf16")]
)
def test_it_learns_which_answer_is_better(tmp_path: Path, model: Path, method: str, rate: float, dtype: str) -> None:
    spec = make_pair_spec(tmp_path, model, method=method, learning_rate=rate, dtype=dtype)
    result, journal = run(spec)
    first, *_, last = journal.of("evaluation")
    assert first["loss"] == pytest.approx(0.6931, abs=1e-3)  # ln 2: model and reference are the same
    assert first["rewards/margins"] == pytest.approx(0, abs=1e-4)
    assert last["loss"] < 0.5 * first["loss"]
    assert (last["rewards/accuracies"], result["ended"], result["steps"]) == (1.0, "all_steps", 10)
    assert [m["step"] for m in journal.of("metric")] == list(range(1, 11))
    assert [m["step"] for m in journal.of("checkpoint")] == [5]
    assert all(m["rewards/margins"] > 0 for m in journal.of("metric")[3:])
    if method != "qlora":  # whose base is another one when it is loaded in full
        kind = "full" if method == "full" else "adapter"
        delivered = {"path": spec["output"], "kind": kind, "base": spec["model"] if kind == "adapter" else None}
        share, margin = rewards(delivered, spec["model"], preferences(8, seed=1))
        assert share == 1.0
        assert margin == pytest.approx(journal.of("evaluation")[-1]["rewards/margins"], rel=1e-3)
    assert not any("not used" in line["message"] for line in journal.of("log"))


@pytest.mark.parametrize("method", ["full", "qlora"])
def test_killed_and_resumed_equals_undisturbed(tmp_path: Path, model: Path, method: str) -> None:
    settings = {"method": method, "learning_rate": 1e-3, "micro_batch_tokens": 300}
    undisturbed = make_pair_spec(tmp_path / "a", model, **settings)
    result, whole = run(undisturbed)
    killed = make_pair_spec(tmp_path / "b", model, **settings)
    with pytest.raises(Crash):
        run(killed, Journal(crash_at=8))
    resumed = {**killed, "resume_from": str(tmp_path / "b/checkpoints/step-00000005"), "workdir": str(tmp_path / "c")}
    again, rest = run(resumed)

    assert rest.of("resumed") == [{"kind": "resumed", "step": 5}]
    expected = {step: loss for step, loss in whole.losses().items() if step > 5}
    assert rest.losses() == pytest.approx(expected, rel=1e-5)
    assert again["metrics"] == pytest.approx(result["metrics"], rel=1e-5)
    weights = [load_file(next(Path(spec["output"]).glob("*.safetensors"))) for spec in (undisturbed, resumed)]
    assert weights[0].keys() == weights[1].keys()
    assert all(torch.allclose(weights[0][name], weights[1][name], rtol=1e-4, atol=1e-6) for name in weights[0])


def test_stop_checkpoints_the_last_whole_step(tmp_path: Path, model: Path) -> None:
    spec = make_pair_spec(tmp_path, model, checkpoint_every=100)
    left, _ = run(spec, Journal(sigterm_at=3))
    assert (left["stopped"], left["steps"]) == (True, 3)
    result, journal = run({**spec, "resume_from": left["checkpoint"]})
    assert [m["step"] for m in journal.of("metric")] == list(range(4, 11))
    assert result["steps"] == 10


def test_cancel_leaves_nothing(tmp_path: Path, model: Path) -> None:
    left, journal = run(make_pair_spec(tmp_path, model, method="full"), commands=b'{"op": "cancel"}\n')
    assert (left["stopped"], left["checkpoint"], journal.of("metric")) == (True, None, [])


def test_budgets_end_it_too(tmp_path: Path, model: Path) -> None:
    result, journal = run(make_pair_spec(tmp_path / "b", model, max_tokens=2000))
    spent = [m["tokens"] for m in journal.of("metric")]
    assert (result["ended"], result["steps"] < 10, spent[-1] <= 2000) == ("max_tokens", True, True)
    lasting = {"max_steps": 1_000_000, "eval_every": 100_000, "checkpoint_every": 100_000}
    result, journal = run(make_pair_spec(tmp_path / "c", model, **lasting, max_minutes=0.01))
    assert result["ended"] == "max_minutes"
    assert journal.of("evaluation")[-1]["step"] == result["steps"]


def test_it_stops_where_nothing_is_gained(tmp_path: Path, model: Path) -> None:
    spec = make_pair_spec(tmp_path, model, learning_rate=1e-15, eval_every=1, early_stopping_patience=2)
    result, _ = run(spec)
    assert (result["ended"], result["best_step"], result["steps"]) == ("no_gain", 0, 2)


def test_smaller_parts_of_a_step_train_the_same(tmp_path: Path, model: Path) -> None:
    losses = [
        run(make_pair_spec(tmp_path / str(tokens), model, rows=24, max_steps=6, micro_batch_tokens=tokens))[1].losses()
        for tokens in (4096, 64)
    ]
    assert losses[0] == pytest.approx(losses[1], rel=1e-4)


def test_pairs_without_anything_to_compare_are_set_aside(tmp_path: Path, model: Path) -> None:
    spec = make_pair_spec(tmp_path, model, max_length=100, max_steps=1)
    late = {**preferences(1)[0], "messages": [{"role": "user", "content": "word " * 60}]}
    spec["dataset"]["train"] = [write_shard(tmp_path / "mixed.parquet", [*preferences(6), late])]
    result, _ = run(spec)
    assert result["provenance"]["samples"]["train"] == {"used": 6, "truncated": 0, "set_aside": 1}


def test_a_run_that_leaves_the_finite_world_says_so(tmp_path: Path, model: Path) -> None:
    with pytest.raises(EngineError) as caught:
        run(make_pair_spec(tmp_path, model, method="full", learning_rate=1e9, scheduler="constant", warmup_steps=0))
    assert (caught.value.code, "at step 2" in caught.value.detail) == ("diverged", True)


@pytest.mark.parametrize("method", ["full", "lora"])
def test_a_base_without_a_padding_token_is_delivered_without_one(tmp_path: Path, method: str) -> None:
    bare = make_tiny_model(tmp_path / "bare")
    for name in ("tokenizer_config.json", "config.json", "generation_config.json"):
        told = json.loads((bare / name).read_text())
        told.pop("pad_token", None), told.pop("pad_token_id", None)
        (bare / name).write_text(json.dumps(told))
    base = {"path": str(bare), "kind": "full", "base": None}
    assert load_tokenizer(base).pad_token is None
    spec = make_pair_spec(tmp_path, bare, method=method, max_steps=1)
    result, _ = run(spec)
    delivered = {
        "path": spec["output"],
        **({"kind": "full"} if method == "full" else {"kind": "adapter", "base": base}),
    }
    assert load_tokenizer(delivered).pad_token is None
    assert ChatTemplate.of(load_tokenizer(delivered)).hash == result["template_hash"]
    if method == "full":
        told = json.loads((Path(spec["output"]) / "config.json").read_text())
        assert (told.get("pad_token_id"), told["eos_token_id"]) == (
            None,
            json.loads((bare / "config.json").read_text())["eos_token_id"],
        )


@dataclass
class Sized:
    """A split of which only the longest pair counts."""

    longest: int


@pytest.mark.parametrize(
    ("longest", "rows", "pairs"), [(100, 8, 4), (200, 8, 2), (150, 9, 3), (1_000, 8, 1), (10, 0, 1)]
)
def test_a_micro_batch_holds_as_many_pairs_as_fit_in_equal_parts(longest: int, rows: int, pairs: int) -> None:
    assert pairs_per_micro_batch(Sized(longest), rows, 500) == pairs
