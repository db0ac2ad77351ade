"""The end-to-end workflow with distributed training that loses a process or a Ray node."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.support.engine_process import child_pids, kill_process
from tests.workflows.conftest import Embedded
from tests.workflows.test_workflow import run_workflow

SETTINGS: dict[str, Any] = {"processes": 2, "max_steps": 100, "eval_every": 20}


@contextmanager
def started(home: Path, **settings: str) -> Iterator[Embedded]:
    """Run an embedded platform, and stop it on exit."""
    platform = Embedded(home, **settings)
    platform.start()
    try:
        yield platform
    finally:
        platform.stop()


def test_workflow_survives_a_killed_training_process(tmp_path: Path) -> None:
    with started(tmp_path) as platform:
        assert platform.process is not None
        root = platform.process.pid

        def kill_one_process(id: str) -> None:
            await_checkpoint(platform, id)
            (peer,) = [pid for warm in child_pids(root) for engine in child_pids(warm) for pid in child_pids(engine)]
            kill_process(peer)

        job = run_workflow(platform, kill_one_process, **SETTINGS)
        assert_resumed_once(platform, job["id"])


def test_workflow_survives_the_loss_of_a_ray_node(tmp_path: Path, cluster: tuple[str, Any]) -> None:
    address, second = cluster
    with started(tmp_path, ANNEAL_RAY_ADDRESS=address) as platform:

        def kill_one_node(id: str) -> None:
            await_checkpoint(platform, id)
            second.kill()

        job = run_workflow(platform, kill_one_node, **SETTINGS)
        assert_resumed_once(platform, job["id"])


def await_checkpoint(platform: Embedded, id: str) -> None:
    """Wait until the job has a checkpoint to resume from."""
    platform.until(f"/training/jobs/{id}", lambda job: job["checkpoints"])


def assert_resumed_once(platform: Embedded, id: str) -> None:
    """The job lost a process once and resumed from its checkpoint."""
    records = platform.get(f"/training/jobs/{id}/records", limit=1000)["records"]
    assert [r["cause"] for r in records if r["kind"] == "state" and r.get("cause")] == ["killed"]
    (rewind,) = [record["step"] for record in records if record["kind"] == "rewind"]
    assert rewind >= SETTINGS["eval_every"]
