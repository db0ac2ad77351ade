"""Two processes of one machine train as one would, are steered as one, and die as one."""

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

from services.training.workers.launchers import ENGINE
from shared.runtime.processes.children import Child, Engines
from tests.support.engine_process import TIMEOUT_S, EngineRun, child_pids, kill_process, run_engine
from tests.unit.training.engine.engine_run import make_spec, write_shard

ROOT = Path(__file__).resolve().parents[2]
STRATEGIES = ("ddp", "fsdp")
METHODS = ("lora", "full")
CLOSE = 1e-5
"""Between losses, in nats: other orders of the same sums."""

WORDY = """
import os, threading
from services.training.engine.distributed.local_processes import together
from shared.engine.process.protocol import EngineError, Reporter

def work():
    if os.environ["RANK"] == "1":
        raise EngineError("too_much", "x" * 200_000)
    threading.Event().wait()

together(2, work, Reporter(1))
"""

Alone = Callable[[str], tuple[dict[str, Any], EngineRun]]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def alone(tmp_path_factory: pytest.TempPathFactory, engines: Engines, tiny_model: Path) -> Alone:
    """By method, the spec and the run of one process."""
    runs = {}
    for method in METHODS:
        spec = make_spec(tmp_path_factory.mktemp(method), tiny_model, method=method)
        runs[method] = spec, await run_engine(engines, ENGINE, spec)
    return lambda method: runs[method]


def close(found: EngineRun, expected: EngineRun) -> None:
    """The same losses, step by step and at every evaluation."""
    assert found.losses() == pytest.approx(expected.losses(), abs=CLOSE)
    evaluated = [[(e["step"], e["loss"]) for e in run.of_kind("evaluation")] for run in (found, expected)]
    assert evaluated[0] == [(step, pytest.approx(loss, abs=CLOSE)) for step, loss in evaluated[1]]


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("strategy", STRATEGIES)
async def test_two_processes_learn_what_one_does(
    tmp_path: Path, engines: Engines, tiny_model: Path, alone: Alone, strategy: str, method: str
) -> None:
    before, expected = alone(method)
    spec = make_spec(tmp_path, tiny_model, method=method, processes=2, strategy=strategy)
    found = await run_engine(engines, ENGINE, spec)
    close(found, expected)
    assert (
        found.of_kind("metric")[0]["memory_mb"] > 1.5 * expected.of_kind("metric")[0]["memory_mb"]
    )  # of both together
    assert [s["items"] for s in found.of_kind("samples")] == [s["items"] for s in expected.of_kind("samples")]
    model, reference = (load_file(next(Path(s["output"]).glob("*.safetensors"))) for s in (spec, before))
    assert model.keys() == reference.keys()
    for name, weight in reference.items():
        assert model[name].numpy() == pytest.approx(weight.numpy(), abs=1e-3)


async def test_uneven_shares_and_steps_of_fewer_rows_than_processes(
    tmp_path: Path, engines: Engines, tiny_model: Path
) -> None:
    """Nine rows in steps of two: the last step of a pass has one row, and one process none."""
    few = {"rows": 9, "batch_size": 2, "micro_batch_tokens": 32}
    expected = await run_engine(engines, ENGINE, make_spec(tmp_path / "a", tiny_model, **few))
    for strategy in STRATEGIES:
        spec = make_spec(tmp_path / strategy, tiny_model, processes=2, strategy=strategy, **few)
        close(await run_engine(engines, ENGINE, spec), expected)


@pytest.mark.parametrize(("first", "then"), [("ddp", "one process"), ("fsdp", "ddp"), ("one process", "fsdp")])
async def test_a_stopped_run_goes_on_with_other_processes(
    tmp_path: Path, engines: Engines, tiny_model: Path, alone: Alone, first: str, then: str
) -> None:
    _, expected = alone("full")
    spec = make_spec(tmp_path, tiny_model, method="full", **_processes(first))
    stopped = await run_engine(engines, ENGINE, spec, at_step=3, action=lambda child: child.send({"op": "stop"}))
    assert stopped.result["stopped"]
    assert 3 <= stopped.result["steps"] < 10
    spec["hyperparameters"] |= {"processes": 1, **_processes(then)}
    resumed = await run_engine(engines, ENGINE, {**spec, "resume_from": stopped.result["checkpoint"]})
    assert resumed.of_kind("resumed") == [{"kind": "resumed", "step": stopped.result["steps"]}]
    assert stopped.losses() | resumed.losses() == pytest.approx(expected.losses(), abs=CLOSE)


def _processes(name: str) -> dict[str, Any]:
    return {"processes": 2, "strategy": name} if name in STRATEGIES else {}


async def test_dropout_is_the_same_after_a_resume(tmp_path: Path, engines: Engines, tiny_model: Path) -> None:
    asked = {"processes": 2, "lora": {"dropout": 0.1}}
    expected = await run_engine(engines, ENGINE, make_spec(tmp_path / "a", tiny_model, **asked))
    spec = make_spec(tmp_path / "b", tiny_model, **asked)
    stopped = await run_engine(engines, ENGINE, spec, at_step=4, action=lambda child: child.send({"op": "stop"}))
    resumed = await run_engine(engines, ENGINE, {**spec, "resume_from": stopped.result["checkpoint"]})
    assert stopped.losses() | resumed.losses() == expected.losses()


@pytest.mark.parametrize("strategy", STRATEGIES)
async def test_cancel_reaches_all(tmp_path: Path, engines: Engines, tiny_model: Path, strategy: str) -> None:
    started: list[int] = []

    async def cancel(child: Child) -> None:
        started.extend(child_pids(child.pid))
        await child.send({"op": "cancel"})

    spec = make_spec(tmp_path, tiny_model, max_steps=5000, processes=2, strategy=strategy, checkpoint_every=5000)
    found = await run_engine(engines, ENGINE, spec, at_step=2, action=cancel)
    assert found.result["stopped"]
    assert found.of_kind("checkpoint") == []
    assert len(started) == 1
    assert not Path(f"/proc/{started[0]}").exists()


@pytest.mark.parametrize("strategy", STRATEGIES)
async def test_the_death_of_one_process_is_the_death_of_all(
    tmp_path: Path, engines: Engines, tiny_model: Path, strategy: str
) -> None:
    spec = make_spec(tmp_path, tiny_model, max_steps=5000, processes=2, strategy=strategy)
    found = await run_engine(
        engines, ENGINE, spec, at_step=2, action=lambda child: kill_process(*child_pids(child.pid))
    )
    assert found.exit is not None
    assert found.exit.signal == signal.SIGKILL
    assert "Process 2 of 2 was ended by SIGKILL, and the others with it." in [
        m["message"] for m in found.of_kind("log")
    ]


def test_a_process_that_fails_with_many_words_is_heard() -> None:
    """More than a pipe holds (64 KB, pipe(7)): it cannot end before the first one listens."""
    done = subprocess.run([sys.executable, "-c", WORDY], cwd=ROOT, capture_output=True, text=True, timeout=TIMEOUT_S)
    failed = json.loads(done.stdout.splitlines()[-1])
    assert (failed["kind"], failed["code"], len(failed["detail"])) == ("failed", "too_much", 200_000)


async def test_a_process_without_memory_says_so_for_all(tmp_path: Path, engines: Engines, tiny_model: Path) -> None:
    def starve(child: Child) -> None:
        (peer,) = child_pids(child.pid)
        used = int(Path(f"/proc/{peer}/statm").read_text().split()[0]) * resource.getpagesize()
        resource.prlimit(peer, resource.RLIMIT_AS, (used, used))

    spec = make_spec(tmp_path, tiny_model, method="full", processes=2, batch_size=64, micro_batch_tokens=32768)
    answer = " please reply with a short answer" * 14
    chat = [{"role": "user", "content": "Well?"}, {"role": "assistant", "content": answer}]
    spec["dataset"] |= {"train": [write_shard(tmp_path / "long.parquet", [{"messages": chat}] * 64)], "validation": []}
    found = await run_engine(engines, ENGINE, spec, action=starve)
    assert (found.messages[-1]["kind"], found.messages[-1].get("code")) == ("failed", "out_of_memory")


async def test_torchrun_starts_the_same_engine(tmp_path: Path, tiny_model: Path, alone: Alone) -> None:
    _, expected = alone("lora")
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
        written, _ = await process.communicate()
    assert process.returncode == 0
    close(EngineRun([json.loads(line) for line in written.splitlines()]), expected)
