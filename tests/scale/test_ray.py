"""Training on a Ray cluster of two nodes: losses, commands and checkpoints match a single process."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from services.training.workers.launchers import ENGINE, RAY_ENGINE
from shared.runtime.processes.children import Child, Engines
from tests.support.engine_process import run_engine
from tests.unit.training.engine.engine_run import make_spec


async def test_cluster_matches_one_process_and_resumes_after_a_stop(
    tmp_path: Path, engines: Engines, tiny_model: Path, cluster: tuple[str, Any]
) -> None:
    expected = await run_engine(engines, ENGINE, make_spec(tmp_path / "single", tiny_model))
    spec, env = make_spec(tmp_path / "cluster", tiny_model, processes=2, strategy="fsdp"), {"RAY_ADDRESS": cluster[0]}
    stopped = await run_engine(
        engines, RAY_ENGINE, spec, env=env, at_step=3, action=lambda child: child.send({"op": "stop"})
    )
    assert stopped.result["stopped"]
    assert 3 <= stopped.result["steps"] < 10
    resumed = await run_engine(engines, RAY_ENGINE, {**spec, "resume_from": stopped.result["checkpoint"]}, env=env)
    assert resumed.result["provenance"]["processes"] == 2
    assert stopped.losses() | resumed.losses() == pytest.approx(expected.losses(), abs=1e-5)


async def test_cancel_stops_the_run_on_the_cluster(
    tmp_path: Path, engines: Engines, tiny_model: Path, cluster: tuple[str, Any]
) -> None:
    async def cancel(child: Child) -> None:
        await child.send({"op": "cancel"})

    spec = make_spec(tmp_path, tiny_model, processes=2, max_steps=5000, checkpoint_every=5000)
    run = await run_engine(engines, RAY_ENGINE, spec, env={"RAY_ADDRESS": cluster[0]}, at_step=2, action=cancel)
    assert run.result["stopped"]
    assert run.result["checkpoint"] is None


async def test_failure_on_the_cluster_is_reported(
    tmp_path: Path, engines: Engines, tiny_model: Path, cluster: tuple[str, Any]
) -> None:
    spec = make_spec(tmp_path, tiny_model, processes=2, max_length=1)
    run = await run_engine(engines, RAY_ENGINE, spec, env={"RAY_ADDRESS": cluster[0]})
    assert (run.messages[-1]["kind"], run.messages[-1]["code"]) == ("failed", "nothing_to_train")
