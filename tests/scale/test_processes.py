"""Two processes of one machine train like one process, obey its commands and fail together."""

from __future__ import annotations

import asyncio
import json
import os
import resource
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from safetensors.torch import load_file

from services.training.engine.distributed.local_processes import launch
from services.training.engine.spec import TrainingSpec
from services.training.engine.train import run_rank
from services.training.workers.launchers import ENGINE, LOCAL
from shared.engine.process.protocol import Commands, Reporter
from shared.runtime.processes import watchdog
from shared.runtime.processes.children import Child, Engines
from shared.runtime.processes.watchdog import EngineStalled, watched
from tests.support.engine_process import TIMEOUT_S, EngineRun, child_pids, kill_process, processes_ended, run_engine
from tests.unit.training.engine.engine_run import make_spec, write_shard

ROOT = Path(__file__).resolve().parents[2]
STRATEGIES = ("ddp", "fsdp")
METHODS = ("lora", "full")
LOSS_TOLERANCE = 1e-5
"""In nats: processes add the same terms in a different order."""
SPARE_MEMORY = 64 << 20
"""In bytes: a tenth of what half a step over 131,072 tokens of the tiny model needs."""

LONG_ERROR_SCRIPT = """
import os, threading
from services.training.engine.distributed.local_processes import launch
from shared.engine.process.protocol import EngineError, Reporter

def work():
    if os.environ["RANK"] == "1":
        raise EngineError("too_much", "x" * 200_000)
    threading.Event().wait()

launch(2, work, Reporter(1))
"""

SingleProcessRuns = Callable[[str], tuple[dict[str, Any], EngineRun]]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def single_process(
    tmp_path_factory: pytest.TempPathFactory, engines: Engines, tiny_model: Path
) -> SingleProcessRuns:
    """Run each method in one process; return the spec and the run by method."""
    runs = {}
    for method in METHODS:
        spec = make_spec(tmp_path_factory.mktemp(method), tiny_model, method=method)
        runs[method] = spec, await run_engine(engines, ENGINE, spec)
    return lambda method: runs[method]


def assert_same_losses(actual: EngineRun, expected: EngineRun) -> None:
    """Compare the losses of every step and every evaluation."""
    assert actual.losses() == pytest.approx(expected.losses(), abs=LOSS_TOLERANCE)
    evaluated = [[(e["step"], e["loss"]) for e in run.of_kind("evaluation")] for run in (actual, expected)]
    assert evaluated[0] == [(step, pytest.approx(loss, abs=LOSS_TOLERANCE)) for step, loss in evaluated[1]]


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("strategy", STRATEGIES)
async def test_two_processes_match_one(
    tmp_path: Path, engines: Engines, tiny_model: Path, single_process: SingleProcessRuns, strategy: str, method: str
) -> None:
    reference_spec, expected = single_process(method)
    spec = make_spec(tmp_path, tiny_model, method=method, processes=2, strategy=strategy)
    actual = await run_engine(engines, ENGINE, spec)
    assert_same_losses(actual, expected)
    # The reported memory is the sum over both processes.
    assert actual.of_kind("metric")[0]["memory_mb"] > 1.5 * expected.of_kind("metric")[0]["memory_mb"]
    assert [s["items"] for s in actual.of_kind("samples")] == [s["items"] for s in expected.of_kind("samples")]
    model, reference = (load_file(next(Path(s["output"]).glob("*.safetensors"))) for s in (spec, reference_spec))
    assert model.keys() == reference.keys()
    for name, weight in reference.items():
        assert model[name].numpy() == pytest.approx(weight.numpy(), abs=1e-3)


async def test_steps_with_fewer_rows_than_processes_match_one_process(
    tmp_path: Path, engines: Engines, tiny_model: Path
) -> None:
    """Nine rows in steps of two: in the last step of an epoch one process has no row."""
    small = {"rows": 9, "batch_size": 2, "micro_batch_tokens": 32}
    expected = await run_engine(engines, ENGINE, make_spec(tmp_path / "a", tiny_model, **small))
    for strategy in STRATEGIES:
        spec = make_spec(tmp_path / strategy, tiny_model, processes=2, strategy=strategy, **small)
        assert_same_losses(await run_engine(engines, ENGINE, spec), expected)


@pytest.mark.parametrize(("first", "then"), [("ddp", "one process"), ("fsdp", "ddp"), ("one process", "fsdp")])
async def test_stopped_run_resumes_with_other_processes(
    tmp_path: Path, engines: Engines, tiny_model: Path, single_process: SingleProcessRuns, first: str, then: str
) -> None:
    _, expected = single_process("full")
    spec = make_spec(tmp_path, tiny_model, method="full", **_processes(first))
    stopped = await run_engine(engines, ENGINE, spec, at_step=3, action=lambda child: child.send({"op": "stop"}))
    assert stopped.result["stopped"]
    assert 3 <= stopped.result["steps"] < 10
    spec["hyperparameters"] |= {"processes": 1, **_processes(then)}
    resumed = await run_engine(engines, ENGINE, {**spec, "resume_from": stopped.result["checkpoint"]})
    assert resumed.of_kind("resumed") == [{"kind": "resumed", "step": stopped.result["steps"]}]
    assert stopped.losses() | resumed.losses() == pytest.approx(expected.losses(), abs=LOSS_TOLERANCE)


def _processes(name: str) -> dict[str, Any]:
    return {"processes": 2, "strategy": name} if name in STRATEGIES else {}


async def test_dropout_masks_are_the_same_after_a_resume(tmp_path: Path, engines: Engines, tiny_model: Path) -> None:
    settings = {"processes": 2, "lora": {"dropout": 0.1}}
    expected = await run_engine(engines, ENGINE, make_spec(tmp_path / "a", tiny_model, **settings))
    spec = make_spec(tmp_path / "b", tiny_model, **settings)
    stopped = await run_engine(engines, ENGINE, spec, at_step=4, action=lambda child: child.send({"op": "stop"}))
    resumed = await run_engine(engines, ENGINE, {**spec, "resume_from": stopped.result["checkpoint"]})
    assert stopped.losses() | resumed.losses() == expected.losses()


@pytest.mark.parametrize("strategy", STRATEGIES)
async def test_cancel_stops_all_processes(tmp_path: Path, engines: Engines, tiny_model: Path, strategy: str) -> None:
    forks: list[int] = []

    async def cancel(child: Child) -> None:
        forks.extend(child_pids(child.pid))
        await child.send({"op": "cancel"})

    spec = make_spec(tmp_path, tiny_model, max_steps=5000, processes=2, strategy=strategy, checkpoint_every=5000)
    actual = await run_engine(engines, ENGINE, spec, at_step=2, action=cancel)
    assert actual.result["stopped"]
    assert actual.of_kind("checkpoint") == []
    assert len(forks) == 1
    assert not Path(f"/proc/{forks[0]}").exists()


@pytest.mark.parametrize("strategy", STRATEGIES)
async def test_killed_process_ends_the_others(
    tmp_path: Path, engines: Engines, tiny_model: Path, strategy: str
) -> None:
    spec = make_spec(tmp_path, tiny_model, max_steps=5000, processes=2, strategy=strategy)
    actual = await run_engine(
        engines, ENGINE, spec, at_step=2, action=lambda child: kill_process(*child_pids(child.pid))
    )
    assert actual.exit is not None
    assert actual.exit.signal == signal.SIGKILL
    assert "Process 2 of 2 was killed by SIGKILL; the others are stopped." in [
        m["message"] for m in actual.of_kind("log")
    ]


def test_error_longer_than_a_pipe_buffer_is_reported() -> None:
    """The error exceeds a pipe's 64 KB (pipe(7)): the process cannot exit until the main process reads it."""
    completed = subprocess.run(
        [sys.executable, "-c", LONG_ERROR_SCRIPT], cwd=ROOT, capture_output=True, text=True, timeout=TIMEOUT_S
    )
    failed = json.loads(completed.stdout.splitlines()[-1])
    assert (failed["kind"], failed["code"], len(failed["detail"])) == ("failed", "too_much", 200_000)


def train_with_one_starved_process(spec: dict[str, Any], reporter: Reporter, commands: Commands) -> dict[str, Any]:
    """An engine: the second of two processes gets less memory than a step needs, before it allocates any."""

    def work() -> dict[str, Any]:
        if os.environ["RANK"] == "1":
            used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
            resource.setrlimit(resource.RLIMIT_AS, (used + SPARE_MEMORY, used + SPARE_MEMORY))
        return run_rank(TrainingSpec.of(spec), reporter, commands)

    return launch(2, work, reporter)


async def test_process_out_of_memory_fails_the_run(tmp_path: Path, engines: Engines, tiny_model: Path) -> None:
    spec = make_spec(tmp_path, tiny_model, method="full", processes=2, batch_size=256, micro_batch_tokens=131_072)
    answer = " please reply with a short answer" * 14
    chat = [{"role": "user", "content": "Well?"}, {"role": "assistant", "content": answer}]
    spec["dataset"] |= {"train": [write_shard(tmp_path / "long.parquet", [{"messages": chat}] * 256)], "validation": []}
    actual = await run_engine(engines, f"{__name__}:{train_with_one_starved_process.__name__}", spec)
    assert (actual.messages[-1]["kind"], actual.messages[-1].get("code")) == ("failed", "out_of_memory")


async def test_torchrun_runs_the_same_engine(
    tmp_path: Path, tiny_model: Path, single_process: SingleProcessRuns
) -> None:
    _, expected = single_process("lora")
    spec = make_spec(tmp_path, tiny_model)
    Path(spec["workdir"]).mkdir()
    (tmp_path / "spec.json").write_text(json.dumps(spec))
    torchrun = ("-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2")
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, *torchrun, "-m", "services.training.engine.train", str(tmp_path / "spec.json")),
        cwd=ROOT,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        stdout=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(TIMEOUT_S):
        stdout, _ = await process.communicate()
    assert process.returncode == 0
    assert_same_losses(EngineRun([json.loads(line) for line in stdout.splitlines()]), expected)


async def test_a_process_that_hangs_in_a_collective_ends_the_run(
    tmp_path: Path, engines: Engines, tiny_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The main process waits in a collective for the one that is stopped, and reports only its usage."""
    monkeypatch.setattr(watchdog, "MIN_LIMIT_S", 20.0)
    monkeypatch.setattr(watchdog, "PACE_FACTOR", 0)
    spec = make_spec(tmp_path, tiny_model, max_steps=500, eval_every=0, processes=2)
    Path(spec["workdir"]).mkdir(parents=True)
    child = await engines.launch(ENGINE, spec, cwd=Path(spec["workdir"]), limits=LOCAL)
    others: list[int] = []

    async def follow() -> None:
        async for message in watched(child):
            if message["kind"] == "metric" and not others:
                others.extend(child_pids(child.pid))
                os.kill(others[0], signal.SIGSTOP)

    async with asyncio.timeout(TIMEOUT_S):
        with pytest.raises(EngineStalled):
            await follow()
    assert processes_ended(child.pid, *others)
