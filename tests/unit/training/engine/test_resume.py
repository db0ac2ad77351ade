"""A run that ends in the middle goes on as if nothing had happened, or says why it cannot."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from shared.engine.process.protocol import EngineError
from tests.support.tiny_model import make_tiny_model
from tests.unit.training.engine.engine_run import Crash, Journal, make_spec, run


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_tiny_model(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="module")
def crashed(tmp_path_factory: pytest.TempPathFactory, model: Path) -> dict[str, Any]:
    """The spec of a LoRA run that fell over behind its checkpoint at step 5."""
    spec = make_spec(tmp_path_factory.mktemp("crashed"), model)
    with pytest.raises(Crash):
        run(spec, Journal(crash_at=6))
    return spec


def weights(spec: dict[str, Any]) -> dict[str, torch.Tensor]:
    return load_file(next(Path(spec["output"]).glob("*.safetensors")))


def assert_same_weights(one: dict[str, Any], other: dict[str, Any]) -> None:
    expected, found = weights(one), weights(other)
    assert expected.keys() == found.keys()
    assert all(torch.equal(expected[name], found[name]) for name in expected)


@pytest.mark.parametrize(
    ("method", "more"),
    [
        ("full", {}),
        ("lora", {"lora": {"dropout": 0.1}}),
        ("lora", {"optimizer": "adamw_8bit"}),
        ("qlora", {}),
        ("qlora", {"quantization": "int8"}),
    ],
    ids=["full", "lora with dropout", "8-bit optimizer", "qlora", "int8"],
)
def test_killed_and_resumed_equals_undisturbed(tmp_path: Path, model: Path, method: str, more: dict[str, Any]) -> None:
    undisturbed = make_spec(tmp_path / "a", model, method=method, **more)
    result, whole = run(undisturbed)
    killed = make_spec(tmp_path / "b", model, method=method, **more)
    with pytest.raises(Crash):
        run(killed, Journal(crash_at=8))

    resumed = {**killed, "resume_from": str(tmp_path / "b/checkpoints/step-00000005"), "workdir": str(tmp_path / "c")}
    again, rest = run(resumed)

    assert rest.of("resumed") == [{"kind": "resumed", "step": 5}]
    assert rest.losses() == {step: loss for step, loss in whole.losses().items() if step > 5}
    assert again["metrics"] == result["metrics"]
    assert_same_weights(undisturbed, resumed)


def test_stop_checkpoints_the_last_whole_step(tmp_path: Path, model: Path) -> None:
    undisturbed = make_spec(tmp_path / "a", model, lora={"dropout": 0.1})
    _, whole = run(undisturbed)
    spec = make_spec(tmp_path / "b", model, lora={"dropout": 0.1})
    result, before = run(spec, Journal(sigterm_at=8))
    assert result == {
        "stopped": True,
        "path": None,
        "checkpoint": str(tmp_path / "b/checkpoints/step-00000008"),
        "steps": 8,
    }
    assert not Path(spec["output"]).exists()
    _, after = run({**spec, "resume_from": result["checkpoint"]})
    assert before.losses() | after.losses() == whole.losses()
    assert_same_weights(undisturbed, spec)


def test_stop_during_an_evaluation_repeats_it_on_resume(tmp_path: Path, model: Path) -> None:
    spec = make_spec(tmp_path, model)
    result, before = run(spec, Journal(sigterm_at=5))
    assert [m["step"] for m in before.of("evaluation")] == [0]
    _, after = run({**spec, "resume_from": result["checkpoint"]})
    assert [m["step"] for m in after.of("evaluation")] == [5, 10]


def test_stop_before_the_untrained_model_was_evaluated_does_it_on_resume(tmp_path: Path, model: Path) -> None:
    _, whole = run(make_spec(tmp_path / "a", model))
    spec = make_spec(tmp_path / "b", model)
    result, before = run(spec, Journal(sigterm_at=1))
    assert before.of("evaluation") == []
    _, after = run({**spec, "resume_from": result["checkpoint"]})
    assert after.of("evaluation") == whole.of("evaluation")


def test_cancel_leaves_nothing(tmp_path: Path, model: Path) -> None:
    spec = make_spec(tmp_path, model)
    result, journal = run(spec, commands=b'{"op": "cancel"}\n')
    assert result["stopped"]
    assert result["checkpoint"] is None
    assert journal.of("metric") == []
    assert not Path(spec["checkpoints"]).exists()


def test_resume_keeps_what_was_settled_at_the_start(tmp_path: Path, model: Path) -> None:
    spec = make_spec(tmp_path, model, max_length=48, micro_batch_tokens=64)
    with pytest.raises(Crash):
        run(spec, Journal(crash_at=6))
    spec["hyperparameters"] |= {"max_length": None, "micro_batch_tokens": 4096}
    result, _ = run({**spec, "resume_from": str(tmp_path / "checkpoints/step-00000005")})
    assert result["max_length"] == 48
    assert result["provenance"]["settings"]["micro_batch_tokens"] == 64


@pytest.mark.parametrize("method", ["full", "lora"])
def test_smaller_micro_batches_after_a_resume_train_the_same(tmp_path: Path, model: Path, method: str) -> None:
    undisturbed = make_spec(tmp_path / "a", model, method=method)
    _, whole = run(undisturbed)
    killed = make_spec(tmp_path / "b", model, method=method)
    with pytest.raises(Crash):
        run(killed, Journal(crash_at=8))

    resumed = {**killed, "resume_from": str(tmp_path / "b/checkpoints/step-00000005"), "workdir": str(tmp_path / "c")}
    resumed["hyperparameters"] = {**killed["hyperparameters"], "micro_batch_tokens": 64}
    result, rest = run(resumed)

    assert result["provenance"]["settings"]["micro_batch_tokens"] == 64
    expected = {step: loss for step, loss in whole.losses().items() if step > 5}
    assert rest.losses() == pytest.approx(expected, abs=1e-4)
    expected_weights, found = weights(undisturbed), weights(resumed)
    assert all(torch.allclose(expected_weights[name], found[name], atol=1e-3) for name in found)


@pytest.mark.parametrize("name", ["checkpoint.json", "weights.safetensors", "optimizer.pt"])
def test_damaged_checkpoint_is_named(tmp_path: Path, crashed: dict[str, Any], name: str) -> None:
    folder = tmp_path / "step-00000005"
    shutil.copytree(Path(crashed["checkpoints"]) / folder.name, folder)
    content = bytearray((folder / name).read_bytes())
    content[len(content) // 2] ^= 1
    (folder / name).write_bytes(content)
    with pytest.raises(EngineError) as caught:
        run({**crashed, "resume_from": str(folder)})
    assert caught.value.code == "checkpoint_damaged"
    assert f"step-00000005/{name}" in caught.value.detail


def test_checkpoint_of_another_method_is_refused(tmp_path: Path, model: Path, crashed: dict[str, Any]) -> None:
    other = make_spec(tmp_path, model, method="full")
    with pytest.raises(EngineError) as caught:
        run({**other, "resume_from": f"{crashed['checkpoints']}/step-00000005"})
    assert caught.value.code == "checkpoint_mismatch"


def test_best_weights_survive_a_resume(tmp_path: Path, model: Path) -> None:
    """The learning rate wrecks the model after its best evaluation, which lies before the checkpoint."""
    wrecking = {"learning_rate": 0.3, "scheduler": "constant", "max_steps": 4, "eval_every": 2, "checkpoint_every": 3}
    spec = make_spec(tmp_path / "a", model, method="full", **wrecking)
    result, whole = run(spec)
    best = result["best_step"]
    assert best == min(whole.of("evaluation"), key=lambda m: m["loss"])["step"] < 3
    moved = {**spec, "resume_from": str(tmp_path / "a/checkpoints/step-00000003")}
    moved |= {"workdir": str(tmp_path / "b/work"), "output": str(tmp_path / "b/output")}
    again, _ = run(moved)
    assert again["best_step"] == best
    assert_same_weights(spec, moved)
