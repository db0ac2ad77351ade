"""`dtype: auto` follows the flags of the CPU and the capability of the GPU; service and engine make the same choice."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from services.training.engine.model import loading
from services.training.engine.model.loading import choose_dtype
from services.training.engine.spec import MIN_BF16_PARAMETERS, auto_dtype
from services.training.jobs.defaults import ModelAndData, resolve_settings
from services.training.jobs.preparation import resolve_dtype
from services.training.settings import TrainingSettings
from services.training.workers.capacity import Machine
from shared.runtime.processes.machine import has_bf16_instructions
from tests.support.tiny_model import make_tiny_model
from tests.unit.training.engine.engine_run import make_spec, run

LARGE, SMALL = MIN_BF16_PARAMETERS, MIN_BF16_PARAMETERS - 1
on_cpu = pytest.mark.skipif(torch.cuda.is_available(), reason="the GPU decides")


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("flags\t\t: fpu avx512f avx512_bf16 amx_tile", True),
        ("flags\t\t: fpu amx_bf16", True),
        ("Features\t: fp asimd i8mm bf16 dgh", True),
        ("flags\t\t: fpu avx2 avx512f avx512_bf16_emulated", False),
        ("vmx flags\t: avx512_bf16\nflags\t\t: fpu avx2", False),
        ("model name\t: bf16", False),
        ("", False),
    ],
)
def test_bf16_instructions_are_read_from_the_flags(tmp_path: Path, line: str, expected: bool) -> None:
    cpuinfo = tmp_path / "cpuinfo"
    cpuinfo.write_text(f"processor\t: 0\n{line}\n")
    assert has_bf16_instructions(cpuinfo) is expected
    assert not has_bf16_instructions(tmp_path / "absent")


@pytest.mark.parametrize(
    ("parameters", "gpu", "bf16", "expected"),
    [
        (LARGE, False, True, "bf16"),
        (SMALL, False, True, "fp32"),
        (LARGE, False, False, "fp32"),
        (SMALL, True, True, "bf16"),
        (LARGE, True, False, "fp16"),
    ],
)
def test_auto_depends_on_size_and_hardware_only(parameters: int, gpu: bool, bf16: bool, expected: str) -> None:
    assert auto_dtype(parameters, gpu=gpu, bf16=bf16) == expected


@on_cpu
@pytest.mark.parametrize("bf16", [True, False])
@pytest.mark.parametrize("parameters", [LARGE, SMALL])
def test_engine_uses_the_dtype_that_was_shown_at_submit(
    monkeypatch: pytest.MonkeyPatch, bf16: bool, parameters: int
) -> None:
    monkeypatch.setattr(loading, "has_bf16_instructions", lambda: bf16)
    machine = Machine(cpu=2, gpu=0, memory_gb=8, cpu_bf16=bf16)
    subject = ModelAndData(parameters=parameters, context_length=512, rows=10, form="messages")
    resolved = resolve_dtype(resolve_settings(TrainingSettings(), subject, machine, 1), parameters, machine)
    shown = resolved.hyperparameters["dtype"]
    assert "dtype" in resolved.defaulted
    assert shown != "auto"
    assert {choose_dtype("auto", parameters) for _ in range(20)} == {choose_dtype(shown, parameters)} == {shown}


def test_job_on_a_gpu_gets_the_dtype_of_the_gpu() -> None:
    machine = Machine(cpu=2, gpu=1, memory_gb=8, cpu_bf16=True)
    subject = ModelAndData(parameters=LARGE, context_length=512, rows=10, form="messages")
    for settings, expected in (({}, "fp16"), ({"resources": {"gpu": 0}}, "bf16"), ({"dtype": "fp32"}, "fp32")):
        requested = TrainingSettings.model_validate(settings)
        resolved = resolve_dtype(resolve_settings(requested, subject, machine, 1), LARGE, machine)
        assert resolved.hyperparameters["dtype"] == expected


@on_cpu
@pytest.mark.parametrize(
    ("bf16", "settings", "codes"),
    [(False, {"dtype": "bf16"}, ["slow_dtype"]), (False, {"dtype": "fp32"}, []), (True, {"dtype": "bf16"}, [])],
)
def test_bf16_without_instructions_is_a_warning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, bf16: bool, settings: dict[str, Any], codes: list[str]
) -> None:
    monkeypatch.setattr(loading, "has_bf16_instructions", lambda: bf16)
    spec = make_spec(tmp_path, make_tiny_model(tmp_path / "tiny"), max_steps=1, warmup_steps=0, **settings)
    result, reporter = run(spec)
    warnings = [each for each in reporter.of_kind("warning") if each["code"] == "slow_dtype"]
    assert [each["code"] for each in warnings] == codes
    assert result["dtype"] == settings["dtype"]
    assert all(each["remedy"] == "Set dtype to fp32." for each in warnings)
