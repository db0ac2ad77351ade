"""The main road with training in several processes and on a cluster, of which some are lost on the way."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.support.engine_process import child_pids, kill_process
from tests.workflows.conftest import Embedded
from tests.workflows.test_workflow import walk

SETTINGS: dict[str, Any] = {"processes": 2, "max_steps": 100, "eval_every": 20}


@contextmanager
def started(home: Path, **settings: str) -> Iterator[Embedded]:
    """A platform, stopped afterwards."""
    platform = Embedded(home, **settings)
    platform.start()
    try:
        yield platform
    finally:
        platform.stop()


def test_from_a_file_to_an_answer_though_one_of_two_processes_is_killed(tmp_path: Path) -> None:
    with started(tmp_path) as platform:
        assert platform.process is not None
        root = platform.process.pid

        def lose_a_process(id: str) -> None:
            await_checkpoint(platform, id)
            (peer,) = [pid for warm in child_pids(root) for engine in child_pids(warm) for pid in child_pids(engine)]
            kill_process(peer)

        job = walk(platform, lose_a_process, **SETTINGS)
        went_on(platform, job["id"])


def test_from_a_file_to_an_answer_though_the_cluster_loses_a_node(tmp_path: Path, cluster: tuple[str, Any]) -> None:
    address, second = cluster
    with started(tmp_path, ANNEAL_RAY_ADDRESS=address) as platform:

        def lose_a_node(id: str) -> None:
            await_checkpoint(platform, id)
            second.kill()

        job = walk(platform, lose_a_node, **SETTINGS)
        went_on(platform, job["id"])


def await_checkpoint(platform: Embedded, id: str) -> None:
    """Something to go on from."""
    platform.until(f"/training/jobs/{id}", lambda job: job["checkpoints"])


def went_on(platform: Embedded, id: str) -> None:
    """From a checkpoint, once, because a process was gone."""
    records = platform.get(f"/training/jobs/{id}/records", limit=1000)["records"]
    assert [r["cause"] for r in records if r["kind"] == "state" and r.get("cause")] == ["killed"]
    (rewind,) = [record["step"] for record in records if record["kind"] == "rewind"]
    assert rewind >= SETTINGS["eval_every"]
