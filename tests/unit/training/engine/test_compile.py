"""Layers are compiled after the first steps: losses match, resumed runs are bit-equal, failures fall back to eager."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from services.training.engine.model import compile
from services.training.engine.spec import Hyperparameters
from tests.support.tiny_model import make_tiny_model
from tests.unit.training.engine.engine_run import RecordingReporter, make_spec, run

SPEC = {"method": "full", "compile": True, "max_steps": 8, "checkpoint_every": 6}


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_tiny_model(tmp_path_factory.mktemp("tiny"))


def run_with_fresh_compiler(*args: Any) -> RecordingReporter:
    """Reset the compiler's state, as in a new process, and run the engine; return its reporter."""
    torch.compiler.set_stance("default")
    torch.compiler.reset()
    return run(*args)[1]


def compile_logs(reporter: RecordingReporter) -> list[str]:
    return [message["message"] for message in reporter.of_kind("log") if "compil" in message["message"]]


def test_compiled_losses_match_and_resumed_run_ends_bit_equal(tmp_path: Path, model: Path) -> None:
    eager = run_with_fresh_compiler(make_spec(tmp_path / "eager", model, **{**SPEC, "compile": False}))
    uninterrupted_spec = make_spec(tmp_path / "uninterrupted", model, **SPEC)
    uninterrupted = run_with_fresh_compiler(uninterrupted_spec)
    assert compile_logs(uninterrupted)[-1] == "the layers are compiled"
    assert uninterrupted.losses() == pytest.approx(eager.losses(), rel=1e-5)
    eager_steps = range(1, compile.START_STEP + 1)
    assert all(uninterrupted.losses()[step] == eager.losses()[step] for step in eager_steps)

    resumed_spec = make_spec(tmp_path / "resumed", model, **SPEC)
    resumed = run_with_fresh_compiler(
        {**resumed_spec, "resume_from": str(tmp_path / "uninterrupted/checkpoints/step-00000006")}
    )
    assert compile_logs(resumed)[-1] == "the layers are compiled"
    assert resumed.losses() == {step: loss for step, loss in uninterrupted.losses().items() if step > 6}
    name = "model.safetensors"
    assert Path(resumed_spec["output"], name).read_bytes() == Path(uninterrupted_spec["output"], name).read_bytes()


def test_missing_compiler_falls_back_to_eager(tmp_path: Path, model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from torch._inductor import config

    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", str(tmp_path / "empty"))
    monkeypatch.setattr(config.cpp, "cxx", ("no-such-compiler",))
    eager = run_with_fresh_compiler(make_spec(tmp_path / "eager", model, **{**SPEC, "compile": False}))
    fallback = run_with_fresh_compiler(make_spec(tmp_path / "fallback", model, **SPEC))
    assert "not compiled" in compile_logs(fallback)[-1]
    assert len(compile_logs(fallback)) == 2  # one attempt
    assert fallback.losses() == eager.losses()


def test_compile_stays_off_with_gradient_checkpointing(tmp_path: Path, model: Path) -> None:
    reporter = run_with_fresh_compiler(make_spec(tmp_path, model, **SPEC, gradient_checkpointing=True))
    assert "not compiled: gradient checkpointing must recompute" in compile_logs(reporter)[-1]
    assert len(reporter.losses()) == SPEC["max_steps"]


def test_model_without_named_layers_is_not_compiled(
    tmp_path: Path, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("transformers.LlamaPreTrainedModel._no_split_modules", [])
    reporter = run_with_fresh_compiler(make_spec(tmp_path, model, **SPEC))
    assert "not compiled: the model does not name its layers" in compile_logs(reporter)[-1]
    assert len(reporter.losses()) == SPEC["max_steps"]


def test_compilation_follows_the_setting_and_defaults_to_long_runs() -> None:
    settings = {"method": "full", "max_steps": 1, "learning_rate": 1.0}
    model = torch.nn.Linear(1, 1)
    model.device = torch.device("cpu")
    assert compile.should_compile(Hyperparameters(**settings, compile=True), model, 1)
    assert not compile.should_compile(Hyperparameters(**settings), model, 1e13)
    assert compile.should_compile(Hyperparameters(**settings), model, 1e14)
    model.device = torch.device("cuda")  # only the device type is read
    assert not compile.should_compile(Hyperparameters(**settings), model, 1e14)
    assert compile.should_compile(Hyperparameters(**settings), model, 1e16)
    assert not compile.should_compile(Hyperparameters(**settings, compile=False), model, 1e18)


@pytest.mark.parametrize(
    ("after", "expected"), [([2.0, 3.0, 4.0], 0), ([2.2, 3.0, 4.0], 0.1), ([2.0, 3.5, 4.0], 0.1), ([2.0, 3.0], None)]
)
def test_relative_difference_covers_loss_and_all_gradients(after: list[float], expected: float | None) -> None:
    before = [torch.tensor(2.0), torch.tensor([3.0]), torch.tensor([4.0])]
    found = [*map(torch.tensor, after)]
    if expected is None:
        found.append(torch.tensor([torch.nan]))
        assert compile.relative_difference(before, found) == float("inf")
    else:
        assert compile.relative_difference(before, found) == pytest.approx(expected)
