"""A checkpoint becomes the model that the job would have delivered at its step."""

from __future__ import annotations

import hashlib
import io
import shutil
from pathlib import Path
from typing import Any

import pytest

from services.training.engine.loop.checkpoint import read_checkpoint
from services.training.engine.tasks import checkpoint_model
from shared.engine.process.protocol import Commands, EngineError
from tests.support.tiny_model import make_tiny_model
from tests.unit.training.engine.engine_run import RecordingReporter, make_spec, run


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_tiny_model(tmp_path_factory.mktemp("tiny"))


CONSTANT: dict[str, Any] = {"scheduler": "constant", "warmup_steps": 0}
"""The first steps of a longer and a shorter run are the same."""


def digests(folder: Path) -> dict[str, str]:
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.iterdir()}


def write_model(spec: dict[str, Any], step: int, output: Path) -> dict[str, Any]:
    """Write the model of a checkpoint of which only the weights are left."""
    checkpoint = output.with_name(f"left-{step}")
    ignored = shutil.ignore_patterns("optimizer.pt", "best.safetensors")
    shutil.copytree(Path(spec["checkpoints"]) / f"step-{step:08d}", checkpoint, ignore=ignored)
    request = {"checkpoint": str(checkpoint), "output": str(output)}
    request |= {name: spec[name] for name in ("model", "hyperparameters")}
    return checkpoint_model.main(request, RecordingReporter(), Commands(io.BytesIO()))


@pytest.mark.parametrize(
    ("method", "settings"),
    [
        ("full", {}),
        ("full", {"dtype": "bf16"}),
        ("lora", {"lora": {"rank": 4, "dropout": 0.1}}),
        ("qlora", {}),
    ],
    ids=["full", "full in bf16", "lora", "qlora"],
)
def test_a_checkpoint_is_what_a_run_to_its_step_delivers(
    tmp_path: Path, model: Path, method: str, settings: dict[str, Any]
) -> None:
    same = {"method": method, **CONSTANT, **settings}
    spec, shorter = (
        make_spec(tmp_path / "long", model, **same),
        make_spec(tmp_path / "short", model, max_steps=5, **same),
    )
    (_, reporter), (delivered, _) = run(spec), run(shorter)
    written = write_model(spec, 5, tmp_path / "written")

    assert digests(tmp_path / "written") == digests(Path(shorter["output"]))
    counts = ("parameters", "trainable_parameters")
    recorded = ("steps", "best_step", "metrics", "template_hash", "max_length", "dtype", "threads", *counts)
    assert {name: written[name] for name in recorded} == {name: delivered[name] for name in recorded}
    measured = {each["step"]: each["loss"] for each in reporter.of_kind("evaluation")}
    assert written["metrics"]["validation_loss_last"] == measured[5]


def test_an_adapter_over_an_adapter_is_written_too(tmp_path: Path, model: Path) -> None:
    first = make_spec(tmp_path / "first", model)
    run(first)
    base = {"path": first["output"], "kind": "adapter", "base": first["model"], "name": "first"}
    spec = make_spec(tmp_path / "long", model, **CONSTANT) | {"model": base}
    shorter = make_spec(tmp_path / "short", model, max_steps=5, **CONSTANT) | {"model": base}
    for each in (spec, shorter):
        run(each)
    write_model(spec, 5, tmp_path / "written")
    assert digests(tmp_path / "written") == digests(Path(shorter["output"]))


def test_damaged_weights_are_refused(tmp_path: Path, model: Path) -> None:
    spec = make_spec(tmp_path, model)
    run(spec)
    folder = Path(spec["checkpoints"]) / "step-00000005"
    assert read_checkpoint(folder).state.step == 5
    with (folder / "weights.safetensors").open("r+b") as file:
        file.truncate(100)
    with pytest.raises(EngineError) as raised:
        write_model(spec, 5, tmp_path / "written")
    assert raised.value.code == "checkpoint_damaged"
    assert not (tmp_path / "written").exists()
