"""Training methods, precisions and reported provenance."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from services.training.engine.model.loading import load_trainable
from services.training.engine.spec import TrainingSpec
from tests.support.tiny_model import make_tiny_model
from tests.unit.training.engine.engine_run import make_spec, run


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_tiny_model(tmp_path_factory.mktemp("tiny"))


def test_rslora_scales_by_alpha_over_the_square_root_of_the_rank(tmp_path: Path, model: Path) -> None:
    settings = ({"rank": 16, "alpha": 32.0}, {"rank": 16, "alpha": 8.0, "rslora": True})
    specs = [make_spec(tmp_path / str(i), model, lora=options, max_steps=4) for i, options in enumerate(settings)]
    lora, rslora = (run(spec)[1].losses() for spec in specs)
    assert lora == pytest.approx(rslora, rel=1e-5)
    config = json.loads((Path(specs[1]["output"]) / "adapter_config.json").read_text())
    assert config["use_rslora"] is True


@pytest.mark.parametrize("dtype", ["fp32", "bf16"])
def test_int8_base_model_trains_on_cpu(tmp_path: Path, model: Path, dtype: str) -> None:
    spec = make_spec(tmp_path, model, method="qlora", quantization="int8", dtype=dtype)
    loaded = load_trainable(TrainingSpec.of(spec), "fp32" if dtype == "fp32" else "bf16")
    frozen = loaded.base_model.model.model.layers[0].self_attn.q_proj.base_layer.weight
    assert (frozen.dtype, frozen.requires_grad) == (torch.int8, False)
    result, _ = run(spec)
    assert result["metrics"]["validation_loss_best"] < 0.9 * result["metrics"]["validation_loss_first"]


def test_8_bit_optimizer_stores_moments_as_bytes(tmp_path: Path, model: Path) -> None:
    result, _ = run(make_spec(tmp_path, model, method="full", optimizer="adamw_8bit", learning_rate=1e-3))
    assert result["metrics"]["validation_loss_best"] < 0.9 * result["metrics"]["validation_loss_first"]
    stored = torch.load(tmp_path / "checkpoints/step-00000005/optimizer.pt", weights_only=True)
    states = [state["__bnb_optimizer_quant_state__"] for state in stored["optimizer"]["state"].values()]
    moments = [state["state1"] for state in states]
    large = [moment for moment in moments if moment.numel() >= 4096]  # smaller ones would save nothing
    assert large
    assert all(moment.dtype == torch.uint8 for moment in large)


def test_provenance_is_reported_before_the_first_step(tmp_path: Path, model: Path) -> None:
    spec = make_spec(tmp_path, model, max_steps=1)
    spec["dataset"]["fingerprint"], spec["model"]["fingerprint"] = "d" * 64, "b" * 64
    result, reporter = run(spec)
    kinds = [message["kind"] for message in reporter.messages]
    assert kinds.index("provenance") < kinds.index("metric")
    provenance = {name: value for name, value in reporter.of_kind("provenance")[0].items() if name != "kind"}
    assert provenance.items() <= result["provenance"].items()
    assert (provenance["dataset"], provenance["base"], provenance["seed"]) == ("d" * 64, "b" * 64, 3)
    assert {"torch", "transformers", "peft", "trl", "python"} <= provenance["versions"].keys()
    assert len(provenance["code"]["sources"]) == 64
    assert provenance["hyperparameters"]["method"] == "lora"
