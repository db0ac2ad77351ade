"""Whole runs equal the papers' formulas: loss, clipping, AdamW, decay, schedules, LoRA's scale, DPO, router loss."""

from __future__ import annotations

import copy
import random
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor

from services.training.engine.model import loading
from services.training.engine.spec import TrainingSpec
from tests.support.tiny_model import make_tiny_model
from tests.unit.training.engine import reference_training as reference
from tests.unit.training.engine.engine_run import WORDS, RecordingReporter, make_spec, run, write_shard

STEPS = {"batch_size": 3, "max_steps": 5, "warmup_steps": 2, "weight_decay": 0.1, "learning_rate": 1e-2}
"""Over seven rows the third step of an epoch has one row only."""
MANY_MICRO_BATCHES = 60
"""Tokens; the rows of a step and of an evaluation are split, into parts of unequal size."""
TWO_PAIRS = 400
"""Tokens of two pairs, but not of four: a step of three pairs has micro-batches of two and of one."""
TOLERANCE = 2e-3
"""Of the norm of a weight's change, relative: elements whose gradient is near zero get a change of any sign."""


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_tiny_model(tmp_path_factory.mktemp("tiny"))


def uneven_rows(count: int, seed: int = 0) -> list[dict[str, Any]]:
    """Generate conversations whose answers have one to nine words."""
    rng = random.Random(seed)

    def words(most: int) -> str:
        return " ".join(rng.choice(WORDS) for _ in range(rng.randint(1, most)))

    turns = [(words(4), words(9)) for _ in range(count)]
    return [{"messages": [{"role": "user", "content": q}, {"role": "assistant", "content": a}]} for q, a in turns]


def uneven_spec(folder: Path, model: Path, **hyperparameters: Any) -> dict[str, Any]:
    """Return the spec of a run over seven uneven rows that delivers the weights of its last step."""
    settings = {"micro_batch_tokens": MANY_MICRO_BATCHES, "max_grad_norm": None, "scheduler": "constant"}
    spec = make_spec(folder, model, **{**STEPS, **settings, **hyperparameters})
    spec["dataset"]["train"] = [write_shard(folder / "uneven.parquet", uneven_rows(7))]
    spec["dataset"]["validation"] = []
    return spec


def assert_same_steps(reporter: RecordingReporter, expected: list[reference.Step]) -> None:
    metrics = reporter.of_kind("metric")
    for name in ("loss", "grad_norm", "learning_rate"):
        assert [each[name] for each in metrics] == pytest.approx([getattr(s, name) for s in expected], rel=1e-3), name


def assert_same_changes(
    before: Mapping[str, Tensor], actual: Mapping[str, Tensor], expected: Mapping[str, Tensor]
) -> None:
    """Every weight has moved as the reference has."""
    assert actual.keys() == expected.keys()
    for name, weight in expected.items():
        moved = torch.linalg.vector_norm(weight.detach() - before[name])
        assert moved > 0, name
        assert torch.linalg.vector_norm(actual[name] - weight.detach()) <= TOLERANCE * moved, name


def assert_equals_reference(
    spec: dict[str, Any], reporter: RecordingReporter, plain: Any, weights: dict[str, Tensor], saved: dict[str, Tensor]
) -> None:
    """Train `weights` of the plain model; steps and changes are those of the run."""
    before = {name: weight.detach().clone() for name, weight in weights.items()}
    rows = reference.encode(spec, uneven_rows(7))

    def loss_of(batch: list[int]) -> Tensor:
        return reference.mean_per_token(plain, [rows[i] for i in batch])

    assert_same_steps(reporter, list(reference.train(weights, loss_of, len(rows), spec["hyperparameters"])))
    assert_same_changes(before, saved, weights)


@pytest.mark.parametrize(
    ("max_grad_norm", "scheduler"), [(None, "cosine"), (1e-3, "linear"), (1.0, "constant"), (1e-6, "cosine")]
)
def test_full_training_equals_the_papers_step_by_step(
    tmp_path: Path, model: Path, max_grad_norm: float | None, scheduler: str
) -> None:
    spec = uneven_spec(tmp_path, model, method="full", max_grad_norm=max_grad_norm, scheduler=scheduler)
    _, reporter = run(spec)
    plain = reference.plain_model(model)
    saved = load_file(Path(spec["output"]) / "model.safetensors")
    assert_equals_reference(spec, reporter, plain, dict(plain.named_parameters()), saved)


@pytest.mark.parametrize(
    ("lora", "scale"), [({"rank": 4, "alpha": 12.0}, 3.0), ({"rank": 4, "alpha": 3.0, "rslora": True}, 1.5)]
)
def test_lora_equals_the_paper_step_by_step(tmp_path: Path, model: Path, lora: dict[str, Any], scale: float) -> None:
    spec = uneven_spec(tmp_path, model, lora=lora)
    _, reporter = run(spec)
    torch.manual_seed(spec["hyperparameters"]["seed"])  # A starts from these random values
    untrained = loading.trainable(loading.load_trainable(TrainingSpec.of(spec), "fp32"))
    assert all(not weight.any() for name, weight in untrained.items() if "lora_B" in name)
    downs = {layer_name(name): weight.detach() for name, weight in untrained.items() if "lora_A" in name}
    plain = reference.plain_model(model)
    weights = reference.with_low_rank(plain, downs, scale)
    saved = load_file(Path(spec["output"]) / "adapter_model.safetensors")
    renamed = {f"{layer_name(name)}.{name.split('.')[-2]}": weight for name, weight in saved.items()}
    assert_equals_reference(spec, reporter, plain, weights, renamed)


def layer_name(parameter: str) -> str:
    """Return the adapted layer's name in the plain model."""
    return parameter.removeprefix("base_model.model.").split(".lora_")[0]


def test_lora_dropout_scales_what_it_keeps_and_is_off_in_evaluation(tmp_path: Path, model: Path) -> None:
    rank, dropout, scale = 16, 0.25, 2.0
    spec = make_spec(tmp_path, model, lora={"rank": rank, "alpha": 32.0, "dropout": dropout})
    layer = loading.load_trainable(TrainingSpec.of(spec), "fp32").get_submodule(
        "base_model.model.model.layers.0.self_attn.q_proj"
    )
    with torch.no_grad():  # A takes the first inputs, B writes them to the first outputs
        layer.lora_A["default"].weight.copy_(torch.eye(rank, 64))
        layer.lora_B["default"].weight.copy_(torch.eye(64, rank))
        x = torch.ones(1, 400, 64)
        change = (layer(x) - layer.base_layer(x))[..., :rank]
        kept = change.abs() > 1e-3
        torch.testing.assert_close(change[kept], torch.full_like(change[kept], scale / (1 - dropout)))
        assert kept.float().mean().item() == pytest.approx(1 - dropout, abs=0.03)
        change = (layer.eval()(x) - layer.base_layer(x))[..., :rank]
        torch.testing.assert_close(change, torch.full_like(change, scale))


@pytest.mark.parametrize("budget", [4096, MANY_MICRO_BATCHES, 1])
@pytest.mark.parametrize("dropout", [0.0, 0.5])
def test_validation_loss_is_the_mean_of_all_tokens(tmp_path: Path, model: Path, budget: int, dropout: float) -> None:
    spec = uneven_spec(tmp_path, model, micro_batch_tokens=budget, max_steps=1, lora={"dropout": dropout})
    spec["dataset"]["validation"] = [write_shard(tmp_path / "others.parquet", uneven_rows(6, seed=1))]
    result, _ = run(spec)
    with torch.no_grad():
        rows = reference.encode(spec, uneven_rows(6, seed=1))
        expected = reference.mean_per_token(reference.plain_model(model), rows).item()
    assert result["metrics"]["validation_loss_first"] == pytest.approx(expected, rel=1e-5)


def uneven_pairs(count: int, seed: int = 0) -> list[dict[str, Any]]:
    """Generate preference pairs whose answers have one to nine words."""
    rows = [row["messages"] for row in uneven_rows(2 * count, seed)]
    return [{"messages": a[:1], "chosen": a[1:], "rejected": b[1:]} for a, b in zip(rows[::2], rows[1::2], strict=True)]


@pytest.mark.parametrize(
    ("method", "changes"),
    [
        ("full", {"max_grad_norm": None, "scheduler": "cosine"}),
        ("full", {"max_grad_norm": 1e-3, "batch_size": 4, "micro_batch_tokens": TWO_PAIRS}),
        ("lora", {"scheduler": "linear", "micro_batch_tokens": 4096}),
    ],
)
def test_dpo_equals_the_paper_step_by_step(tmp_path: Path, model: Path, method: str, changes: dict[str, Any]) -> None:
    beta, settings = 0.4, {"objective": "dpo", "learning_rate": 1e-3, **changes}
    spec = uneven_spec(tmp_path, model, method=method, beta=beta, **settings)
    spec["dataset"] |= {"form": "preference", "train": [write_shard(tmp_path / "pairs.parquet", uneven_pairs(7))]}
    _, reporter = run(spec)

    def answers(side: str) -> list[reference.Row]:
        rows = [{"messages": [*each["messages"], *each[side]], "train_from": 1} for each in uneven_pairs(7)]
        return reference.encode(spec, rows)

    pairs = list(zip(answers("chosen"), answers("rejected"), strict=True))
    plain = reference.plain_model(model)
    base, weights = copy.deepcopy(plain), dict(plain.named_parameters())
    if method == "lora":
        torch.manual_seed(spec["hyperparameters"]["seed"])
        untrained = loading.trainable(loading.load_trainable(TrainingSpec.of(spec), "fp32"))
        downs = {layer_name(name): weight.detach() for name, weight in untrained.items() if "lora_A" in name}
        weights = reference.with_low_rank(plain, downs, 2.0)
    steps = reference.train(
        weights,
        lambda batch: reference.dpo_loss(plain, base, [pairs[i] for i in batch], beta),
        len(pairs),
        spec["hyperparameters"],
    )
    assert_same_steps(reporter, list(steps))
