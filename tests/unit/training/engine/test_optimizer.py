"""The optimizer's groups, constants and precision; gradient norms are those of all weights together."""

from __future__ import annotations

import io
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from accelerate import Accelerator
from torch import distributed
from torch.distributed.algorithms.ddp_comm_hooks.default_hooks import allreduce_hook
from torch.nn.parallel import DistributedDataParallel
from transformers import Qwen2Config, Qwen2ForCausalLM

from services.training.engine.data.batches import Sample, collate
from services.training.engine.interrupts import Interrupts
from services.training.engine.model.loading import load_trainable
from services.training.engine.model.loss import StepLoss
from services.training.engine.model.optimizer import accumulate, clip, make_optimizer
from services.training.engine.spec import Dtype, Hyperparameters, TrainingSpec
from shared.engine.process.protocol import Commands
from tests.support.tiny_model import make_tiny_model
from tests.unit.training.engine import reference_training as reference
from tests.unit.training.engine.engine_run import make_spec, run


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_tiny_model(tmp_path_factory.mktemp("tiny"))


@pytest.mark.parametrize("name", ["adamw", "adamw_8bit"])
def test_matrices_decay_and_norms_and_biases_do_not(name: Any) -> None:
    sizes = {"hidden_size": 32, "intermediate_size": 48, "num_attention_heads": 2, "num_key_value_heads": 1}
    qwen = Qwen2ForCausalLM(Qwen2Config(vocab_size=50, num_hidden_layers=1, **sizes))  # it has biases
    qwen.model.embed_tokens.weight.requires_grad_(False)
    settings = Hyperparameters(learning_rate=0.25, weight_decay=0.5, optimizer=name)
    optimizer = make_optimizer(qwen, settings)
    groups = optimizer.param_groups
    decay = {id(weight): group["weight_decay"] for group in groups for weight in group["params"]}
    for parameter, weight in qwen.named_parameters():
        expected = 0.0 if "norm" in parameter or "bias" in parameter else 0.5
        assert decay.get(id(weight)) == (None if "embed_tokens" in parameter else expected), parameter
    assert isinstance(optimizer, torch.optim.AdamW) == (name == "adamw")
    for group in groups:
        assert (tuple(group["betas"]), group["eps"], group["lr"]) == ((0.9, 0.999), 1e-8, 0.25)


@pytest.fixture
def process_group() -> Iterator[None]:
    """Join a group of this process alone."""
    distributed.init_process_group("gloo", store=distributed.HashStore(), rank=0, world_size=1)
    yield
    distributed.destroy_process_group()


@pytest.mark.usefixtures("process_group")
def test_processes_average_their_gradients_once_per_step(model: Path) -> None:
    """In the last micro-batch, when all of the step's gradients are accumulated."""
    plain = reference.plain_model(model)
    loss = DistributedDataParallel(StepLoss(plain))
    averaged: list[torch.Tensor] = []

    def average(_, bucket):  # DDP refuses annotations that are strings, as they are here
        averaged.extend(gradient.clone() for gradient in bucket.gradients())
        return allreduce_hook(distributed.group.WORLD, bucket)

    loss.register_comm_hook(None, average)
    samples = [Sample(torch.arange(3, 3 + length), torch.ones(length, dtype=torch.bool)) for length in (4, 9, 6)]
    batches = [collate([sample], "padded") for sample in samples]
    accumulate(loss, batches, "padded", Accelerator(cpu=True), Interrupts(Commands(io.BytesIO())))
    gradients = [weight.grad for weight in plain.parameters()]
    assert sum(g.square().sum() for g in averaged) == pytest.approx(sum(g.square().sum().item() for g in gradients))
    assert len(averaged) == len(gradients)


@pytest.mark.parametrize("limit", [None, 0.5, 1e-3, 100.0])
def test_gradients_are_clipped_by_the_norm_of_all_trained_weights(limit: float | None) -> None:
    layers = torch.nn.Sequential(torch.nn.Linear(3, 2), torch.nn.Linear(2, 2))
    layers[1].bias.requires_grad_(False)
    trained = [weight for weight in layers.parameters() if weight.requires_grad]
    gradients = [torch.full_like(weight, number + 1.0) for number, weight in enumerate(trained)]
    for weight, gradient in zip(trained, gradients, strict=True):
        weight.grad = gradient.clone()
    expected = math.sqrt(6 * 1.0 + 2 * 4.0 + 4 * 9.0)
    assert clip(layers, limit, Accelerator(cpu=True)) == pytest.approx(expected)
    factor = min(1.0, (limit or math.inf) / expected)
    for weight, gradient in zip(trained, gradients, strict=True):
        assert weight.grad is not None
        torch.testing.assert_close(weight.grad, factor * gradient, rtol=1e-4, atol=0)


@pytest.mark.parametrize(
    ("method", "dtype", "frozen"),
    [
        ("full", "fp32", None),
        ("full", "bf16", None),
        ("lora", "fp32", torch.float32),
        ("lora", "bf16", torch.bfloat16),
        ("qlora", "bf16", torch.uint8),
    ],
)
def test_trained_weights_are_fp32_and_frozen_ones_are_not(
    tmp_path: Path, model: Path, method: str, dtype: Dtype, frozen: torch.dtype | None
) -> None:
    loaded = load_trainable(TrainingSpec.of(make_spec(tmp_path, model, method=method)), dtype)
    layers = {name: w for name, w in loaded.named_parameters() if "q_proj" in name or "down_proj" in name}
    assert {weight.dtype for weight in layers.values() if weight.requires_grad} == {torch.float32}
    assert {weight.dtype for weight in layers.values() if not weight.requires_grad} == ({frozen} if frozen else set())


@pytest.mark.parametrize("method", ["full", "lora"])
def test_bf16_run_computes_in_bf16_and_keeps_fp32_moments(tmp_path: Path, model: Path, method: str) -> None:
    losses = {}
    for dtype in ("fp32", "bf16"):
        spec = make_spec(tmp_path / dtype, model, method=method, dtype=dtype, learning_rate=1e-3)
        losses[dtype] = run(spec)[1].losses()
    stored = torch.load(tmp_path / "bf16/checkpoints/step-00000005/optimizer.pt", weights_only=True)
    moments = [state[name] for state in stored["optimizer"]["state"].values() for name in ("exp_avg", "exp_avg_sq")]
    assert {moment.dtype for moment in moments} == {torch.float32}
    assert losses["bf16"] == pytest.approx(losses["fp32"], rel=0.05)
    assert losses["bf16"][1] != pytest.approx(losses["fp32"][1], rel=1e-6), "the products are in bf16"
