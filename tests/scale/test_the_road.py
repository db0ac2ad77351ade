"""The main road with training in several processes, and on a cluster that loses a node on the way."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.journeys.conftest import Embedded
from tests.journeys.test_road import walk


@contextmanager
def started(home: Path, **settings: str) -> Iterator[Embedded]:
    """A platform, stopped afterwards."""
    platform = Embedded(home, **settings)
    platform.start()
    try:
        yield platform
    finally:
        platform.stop()


def test_from_a_file_to_an_answer_in_two_processes(tmp_path: Path) -> None:
    with started(tmp_path) as platform:
        job = walk(platform, processes=2)
    assert job["hyperparameters"]["processes"] == 2


def test_from_a_file_to_an_answer_on_a_cluster_that_loses_a_node(tmp_path: Path, cluster: tuple[str, Any]) -> None:
    address, second = cluster
    with started(tmp_path, ANNEAL_RAY_ADDRESS=address) as platform:

        def lose_a_node(id: str) -> None:
            platform.until(f"/training/jobs/{id}", lambda job: job["checkpoints"])
            second.kill()

        job = walk(platform, lose_a_node, processes=2, max_steps=200, eval_every=20)
        records = platform.get(f"/training/jobs/{job['id']}/records", limit=1000)["records"]
    assert [r["cause"] for r in records if r["kind"] == "state" and r.get("cause")] == ["killed"]
    (rewind,) = [record["step"] for record in records if record["kind"] == "rewind"]
    assert rewind >= 20
