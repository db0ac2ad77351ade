"""Methods, number formats and what a run tells of its making."""

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


def test_rank_stabilised_updates_count_alpha_over_the_root_of_the_rank(tmp_path: Path, model: Path) -> None:
    settings = ({"rank": 16, "alpha": 32.0}, {"rank": 16, "alpha": 8.0, "rslora": True})
    specs = [make_spec(tmp_path / str(i), model, lora=lora, max_steps=4) for i, lora in enumerate(settings)]
    plain, stabilised = (run(spec)[1].losses() for spec in specs)
    assert plain == pytest.approx(stabilised, rel=1e-5)
    config = json.loads((Path(specs[1]["output"]) / "adapter_config.json").read_text())
    assert config["use_rslora"] is True


@pytest.mark.parametrize("dtype", ["fp32", "bf16"])
def test_a_base_in_int8_is_trained_on_the_cpu(tmp_path: Path, model: Path, dtype: str) -> None:
    spec = make_spec(tmp_path, model, method="qlora", quantization="int8", dtype=dtype)
    loaded = load_trainable(TrainingSpec.of(spec), "fp32" if dtype == "fp32" else "bf16")
    frozen = loaded.base_model.model.model.layers[0].self_attn.q_proj.base_layer.weight
    assert (frozen.dtype, frozen.requires_grad) == (torch.int8, False)
    result, _ = run(spec)
    assert result["metrics"]["validation_loss_best"] < 0.9 * result["metrics"]["validation_loss_first"]


def test_an_8_bit_optimizer_keeps_its_moments_in_bytes(tmp_path: Path, model: Path) -> None:
    result, _ = run(make_spec(tmp_path, model, method="full", optimizer="adamw_8bit", learning_rate=1e-3))
    assert result["metrics"]["validation_loss_best"] < 0.9 * result["metrics"]["validation_loss_first"]
    stored = torch.load(tmp_path / "checkpoints/step-00000005/optimizer.pt", weights_only=True)
    states = [state["__bnb_optimizer_quant_state__"] for state in stored["optimizer"]["state"].values()]
    moments = [state["state1"] for state in states]
    large = [moment for moment in moments if moment.numel() >= 4096]  # smaller ones would save nothing
    assert large
    assert all(moment.dtype == torch.uint8 for moment in large)


def test_a_run_tells_what_it_is_made_with_before_its_first_step(tmp_path: Path, model: Path) -> None:
    spec = make_spec(tmp_path, model, max_steps=1)
    spec["dataset"]["fingerprint"], spec["model"]["fingerprint"] = "d" * 64, "b" * 64
    result, journal = run(spec)
    kinds = [message["kind"] for message in journal.messages]
    assert kinds.index("provenance") < kinds.index("metric")
    told = {name: value for name, value in journal.of("provenance")[0].items() if name != "kind"}
    assert told.items() <= result["provenance"].items()
    assert (told["dataset"], told["base"], told["seed"]) == ("d" * 64, "b" * 64, 3)
    assert {"torch", "transformers", "peft", "trl", "python"} <= told["versions"].keys()
    assert len(told["code"]["sources"]) == 64
    assert told["hyperparameters"]["method"] == "lora"
