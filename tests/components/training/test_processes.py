"""Two processes train like one. Slower tests are in tests/scale."""

import os
from pathlib import Path

import pytest

from services.training.workers.launchers import ENGINE
from shared.runtime.processes.children import Engines
from tests.support.engine_process import run_engine
from tests.unit.training.engine.engine_run import make_spec


async def test_two_processes_reach_the_losses_of_one(tmp_path: Path, engines: Engines, tiny_model: Path) -> None:
    alone = await run_engine(engines, ENGINE, make_spec(tmp_path / "alone", tiny_model, max_steps=6))
    shared = await run_engine(engines, ENGINE, make_spec(tmp_path / "shared", tiny_model, max_steps=6, processes=2))

    assert shared.losses() == pytest.approx(alone.losses(), abs=1e-5)
    assert len(alone.losses()) == 6
    assert [m["tokens"] for m in shared.of_kind("metric")] == [m["tokens"] for m in alone.of_kind("metric")]
    assert [e["loss"] for e in shared.of_kind("evaluation")] == pytest.approx(
        [e["loss"] for e in alone.of_kind("evaluation")], abs=1e-5
    )
    assert shared.result["provenance"]["processes"] == 2
    share = max(1, len(os.sched_getaffinity(0)) // 2)
    assert any(f"2 processes (ddp), the main process on {share} CPUs" in m["message"] for m in shared.of_kind("log"))
