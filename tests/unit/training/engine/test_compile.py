"""Compiled layers: behind the first steps, the same losses, bit for bit after a resume, and off where they fail."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from services.training.engine.model import compile
from services.training.engine.spec import Hyperparameters
from tests.support.tiny_model import make_tiny_model
from tests.unit.training.engine.engine_run import Journal, make_spec, run

SPEC = {"method": "full", "compile": True, "max_steps": 8, "checkpoint_every": 6}


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_tiny_model(tmp_path_factory.mktemp("tiny"))


def fresh(*args: Any) -> Journal:
    """The messages of a run in what could be a new process, as far as compilers know."""
    torch.compiler.set_stance("default")
    torch.compiler.reset()
    return run(*args)[1]


def said(journal: Journal) -> list[str]:
    return [message["message"] for message in journal.of("log") if "compil" in message["message"]]


def test_compiled_layers_learn_the_same_and_a_resumed_run_ends_the_same_to_the_last_bit(
    tmp_path: Path, model: Path
) -> None:
    plain = fresh(make_spec(tmp_path / "plain", model, **{**SPEC, "compile": False}))
    whole_spec = make_spec(tmp_path / "whole", model, **SPEC)
    whole = fresh(whole_spec)
    assert said(whole)[-1] == "the layers are compiled"
    assert whole.losses() == pytest.approx(plain.losses(), rel=1e-5)
    first = [whole.losses()[step] == plain.losses()[step] for step in range(1, compile.START_STEP + 1)]
    assert all(first)

    went_on = make_spec(tmp_path / "on", model, **SPEC)
    rest = fresh({**went_on, "resume_from": str(tmp_path / "whole/checkpoints/step-00000006")})
    assert said(rest)[-1] == "the layers are compiled"
    assert rest.losses() == {step: loss for step, loss in whole.losses().items() if step > 6}
    name = "model.safetensors"
    assert Path(went_on["output"], name).read_bytes() == Path(whole_spec["output"], name).read_bytes()


def test_without_a_compiler_it_goes_on_as_it_was(tmp_path: Path, model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from torch._inductor import config

    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", str(tmp_path / "empty"))
    monkeypatch.setattr(config.cpp, "cxx", ("no-such-compiler",))
    plain = fresh(make_spec(tmp_path / "plain", model, **{**SPEC, "compile": False}))
    missing = fresh(make_spec(tmp_path / "missing", model, **SPEC))
    assert "not compiled" in said(missing)[-1]
    assert len(said(missing)) == 2  # tried once
    assert missing.losses() == plain.losses()


def test_compile_stays_off_with_gradient_checkpointing(tmp_path: Path, model: Path) -> None:
    journal = fresh(make_spec(tmp_path, model, **SPEC, gradient_checkpointing=True))
    assert "not compiled: gradient checkpointing must recompute" in said(journal)[-1]
    assert len(journal.losses()) == SPEC["max_steps"]


def test_a_model_that_does_not_name_its_layers_stays_as_it_is(
    tmp_path: Path, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("transformers.LlamaPreTrainedModel._no_split_modules", [])
    journal = fresh(make_spec(tmp_path, model, **SPEC))
    assert "not compiled: the model does not name its layers" in said(journal)[-1]
    assert len(journal.losses()) == SPEC["max_steps"]


def test_it_is_compiled_as_asked_and_unasked_where_it_is_long() -> None:
    whole = {"method": "full", "max_steps": 1, "learning_rate": 1.0}
    somewhere = torch.nn.Linear(1, 1)
    somewhere.device = torch.device("cpu")
    assert compile.should_compile(Hyperparameters(**whole, compile=True), somewhere, 1)
    assert not compile.should_compile(Hyperparameters(**whole), somewhere, 1e13)
    assert compile.should_compile(Hyperparameters(**whole), somewhere, 1e14)
    somewhere.device = torch.device("cuda")  # which nothing asks but for its kind
    assert not compile.should_compile(Hyperparameters(**whole), somewhere, 1e14)
    assert compile.should_compile(Hyperparameters(**whole), somewhere, 1e16)
    assert not compile.should_compile(Hyperparameters(**whole, compile=False), somewhere, 1e18)


@pytest.mark.parametrize(
    ("after", "expected"), [([2.0, 3.0, 4.0], 0), ([2.2, 3.0, 4.0], 0.1), ([2.0, 3.5, 4.0], 0.1), ([2.0, 3.0], None)]
)
def test_a_trial_looks_at_the_loss_and_at_all_gradients(after: list[float], expected: float | None) -> None:
    before = [torch.tensor(2.0), torch.tensor([3.0]), torch.tensor([4.0])]
    found = [*map(torch.tensor, after)]
    if expected is None:
        found.append(torch.tensor([torch.nan]))
        assert compile.relative_difference(before, found) == float("inf")
    else:
        assert compile.relative_difference(before, found) == pytest.approx(expected)
