"""An interrupted run resumes exactly or fails with the reason."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from shared.engine.process.protocol import EngineError
from tests.support.tiny_model import make_tiny_model
from tests.unit.training.engine.engine_run import RecordingReporter, SimulatedCrash, make_spec, run, run_and_copy


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_tiny_model(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="module")
def crashed(tmp_path_factory: pytest.TempPathFactory, model: Path) -> dict[str, Any]:
    """Return the spec of a LoRA run that crashed after its checkpoint at step 5."""
    spec = make_spec(tmp_path_factory.mktemp("crashed"), model)
    with pytest.raises(SimulatedCrash):
        run(spec, RecordingReporter(crash_at=6))
    return spec


def weights(spec: dict[str, Any]) -> dict[str, torch.Tensor]:
    return load_file(next(Path(spec["output"]).glob("*.safetensors")))


def assert_same_weights(expected_spec: dict[str, Any], actual_spec: dict[str, Any]) -> None:
    expected, actual = weights(expected_spec), weights(actual_spec)
    assert expected.keys() == actual.keys()
    assert all(torch.equal(expected[name], actual[name]) for name in expected)


@pytest.mark.parametrize(
    ("method", "settings"),
    [
        ("full", {}),
        ("lora", {"lora": {"dropout": 0.1}}),
        ("lora", {"optimizer": "adamw_8bit"}),
        ("qlora", {}),
        ("qlora", {"quantization": "int8"}),
    ],
    ids=["full", "lora with dropout", "8-bit optimizer", "qlora", "int8"],
)
def test_killed_and_resumed_run_equals_uninterrupted_run(
    tmp_path: Path, model: Path, method: str, settings: dict[str, Any]
) -> None:
    spec = make_spec(tmp_path, model, method=method, **settings)
    result, uninterrupted, resumed_spec = run_and_copy(tmp_path, spec)
    resumed_result, resumed = run(resumed_spec)
    assert resumed.of_kind("resumed") == [{"kind": "resumed", "step": 5}]
    assert resumed.losses() == {step: loss for step, loss in uninterrupted.losses().items() if step > 5}
    assert resumed_result["metrics"] == result["metrics"]
    assert_same_weights(spec, resumed_spec)


def test_stop_saves_a_checkpoint_of_the_last_complete_step(tmp_path: Path, model: Path) -> None:
    uninterrupted_spec = make_spec(tmp_path / "a", model, lora={"dropout": 0.1})
    _, uninterrupted = run(uninterrupted_spec)
    spec = make_spec(tmp_path / "b", model, lora={"dropout": 0.1})
    result, before = run(spec, RecordingReporter(sigterm_at=8))
    assert result == {
        "stopped": True,
        "path": None,
        "checkpoint": str(tmp_path / "b/checkpoints/step-00000008"),
        "steps": 8,
    }
    assert not Path(spec["output"]).exists()
    _, after = run({**spec, "resume_from": result["checkpoint"]})
    assert before.losses() | after.losses() == uninterrupted.losses()
    assert_same_weights(uninterrupted_spec, spec)


def test_evaluation_interrupted_by_stop_is_repeated_on_resume(tmp_path: Path, model: Path) -> None:
    spec = make_spec(tmp_path, model)
    result, before = run(spec, RecordingReporter(sigterm_at=5))
    assert [m["step"] for m in before.of_kind("evaluation")] == [0]
    _, after = run({**spec, "resume_from": result["checkpoint"]})
    assert [m["step"] for m in after.of_kind("evaluation")] == [5, 10]


def test_missed_evaluation_of_the_untrained_model_runs_on_resume(tmp_path: Path, model: Path) -> None:
    _, uninterrupted = run(make_spec(tmp_path / "a", model))
    spec = make_spec(tmp_path / "b", model)
    result, before = run(spec, RecordingReporter(sigterm_at=1))
    assert before.of_kind("evaluation") == []
    _, after = run({**spec, "resume_from": result["checkpoint"]})
    assert after.of_kind("evaluation") == uninterrupted.of_kind("evaluation")


def test_canceled_run_leaves_no_checkpoint(tmp_path: Path, model: Path) -> None:
    spec = make_spec(tmp_path, model)
    result, reporter = run(spec, commands=b'{"op": "cancel"}\n')
    assert result["stopped"]
    assert result["checkpoint"] is None
    assert reporter.of_kind("metric") == []
    assert not Path(spec["checkpoints"]).exists()


def test_resume_keeps_the_settings_chosen_at_the_start(tmp_path: Path, model: Path) -> None:
    spec = make_spec(tmp_path, model, max_length=48, micro_batch_tokens=64)
    with pytest.raises(SimulatedCrash):
        run(spec, RecordingReporter(crash_at=6))
    spec["hyperparameters"] |= {"max_length": None, "micro_batch_tokens": 4096}
    result, _ = run({**spec, "resume_from": str(tmp_path / "checkpoints/step-00000005")})
    assert result["max_length"] == 48
    assert result["provenance"]["settings"]["micro_batch_tokens"] == 64


@pytest.mark.parametrize("method", ["full", "lora"])
def test_smaller_micro_batches_after_a_resume_match_losses_and_weights(
    tmp_path: Path, model: Path, method: str
) -> None:
    spec = make_spec(tmp_path, model, method=method)
    _, uninterrupted, resumed_spec = run_and_copy(tmp_path, spec)
    resumed_spec["hyperparameters"] = {**spec["hyperparameters"], "micro_batch_tokens": 64}
    result, resumed = run(resumed_spec)
    assert result["provenance"]["settings"]["micro_batch_tokens"] == 64
    expected = {step: loss for step, loss in uninterrupted.losses().items() if step > 5}
    assert resumed.losses() == pytest.approx(expected, abs=1e-4)
    expected_weights, actual_weights = weights(spec), weights(resumed_spec)
    assert all(torch.allclose(expected_weights[name], actual_weights[name], atol=1e-3) for name in actual_weights)


@pytest.mark.parametrize("name", ["checkpoint.json", "weights.safetensors", "optimizer.pt"])
def test_damaged_checkpoint_error_names_the_file(tmp_path: Path, crashed: dict[str, Any], name: str) -> None:
    folder = tmp_path / "step-00000005"
    shutil.copytree(Path(crashed["checkpoints"]) / folder.name, folder)
    content = bytearray((folder / name).read_bytes())
    content[len(content) // 2] ^= 1
    (folder / name).write_bytes(content)
    with pytest.raises(EngineError) as caught:
        run({**crashed, "resume_from": str(folder)})
    assert caught.value.code == "checkpoint_damaged"
    assert f"step-00000005/{name}" in caught.value.detail


def test_checkpoint_of_another_method_is_rejected(tmp_path: Path, model: Path, crashed: dict[str, Any]) -> None:
    other = make_spec(tmp_path, model, method="full")
    with pytest.raises(EngineError) as caught:
        run({**other, "resume_from": f"{crashed['checkpoints']}/step-00000005"})
    assert caught.value.code == "checkpoint_mismatch"


def test_best_weights_survive_a_resume(tmp_path: Path, model: Path) -> None:
    """A high learning rate ruins the model after its best evaluation, which precedes the checkpoint."""
    unstable = {"learning_rate": 0.3, "scheduler": "constant", "max_steps": 4, "eval_every": 2, "checkpoint_every": 3}
    spec = make_spec(tmp_path / "a", model, method="full", **unstable)
    result, uninterrupted = run(spec)
    best = result["best_step"]
    assert best == min(uninterrupted.of_kind("evaluation"), key=lambda m: m["loss"])["step"] < 3
    moved = {**spec, "resume_from": str(tmp_path / "a/checkpoints/step-00000003")}
    moved |= {"workdir": str(tmp_path / "b/work"), "output": str(tmp_path / "b/output")}
    resumed_result, _ = run(moved)
    assert resumed_result["best_step"] == best
    assert_same_weights(spec, moved)
