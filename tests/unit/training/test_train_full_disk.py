"""A disk that is full while a run wants to keep something on it."""

from __future__ import annotations

import resource
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from services.training.engine import checkpoint as checkpoints
from shared.engine.protocol import failure_code
from tests.tiny import make_tiny_model
from tests.unit.training.engine_run import Journal, make_spec, run


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_tiny_model(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(autouse=True)
def room_again() -> Iterator[None]:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


class Filling(Journal):
    """Between two steps no file can become larger than `room` bytes."""

    def __init__(self, full_at: int, free_at: int, room: int) -> None:
        super().__init__()
        self.full_at, self.free_at, self.room = full_at, free_at, room
        self.before = resource.getrlimit(resource.RLIMIT_FSIZE)

    def emit(self, kind: str, **data: Any) -> None:
        super().emit(kind, **data)
        if kind == "metric" and data["step"] == self.full_at:
            resource.setrlimit(resource.RLIMIT_FSIZE, (self.room, self.before[1]))
        if kind == "metric" and data["step"] == self.free_at:
            resource.setrlimit(resource.RLIMIT_FSIZE, self.before)


@pytest.mark.parametrize("room", [1_000, 150_000], ids=["for nothing", "for weights, not for the optimizer"])
def test_training_goes_on_and_the_last_checkpoint_stays(tmp_path: Path, model: Path, room: int) -> None:
    undisturbed, _ = run(make_spec(tmp_path / "a", model, eval_every=3, checkpoint_every=2))
    journal = Filling(full_at=3, free_at=7, room=room)
    spec = make_spec(tmp_path / "b", model, eval_every=3, checkpoint_every=2)
    result, _ = run(spec, journal)
    assert [m["step"] for m in journal.of("checkpoint")] == [2, 8]
    told = [line["message"] for line in journal.of("log") if line["level"] == "warning"]
    assert [step for step in (4, 6) if any(f"checkpoint of step {step} " in line for line in told)] == [4, 6]
    left = sorted(path.name for path in (tmp_path / "b/checkpoints").iterdir())
    assert left == ["step-00000002", "step-00000008"]
    for name in left:
        checkpoints.read(tmp_path / "b/checkpoints" / name)
    assert (result["ended"], result["metrics"]) == ("all_steps", undisturbed["metrics"])


def test_a_stop_on_a_full_disk_falls_back_on_the_last_checkpoint(tmp_path: Path, model: Path) -> None:
    spec = make_spec(tmp_path, model, checkpoint_every=2)
    journal = Filling(full_at=3, free_at=100, room=1_000)
    journal.sigterm_at = 3
    left, _ = run(spec, journal)
    resource.setrlimit(resource.RLIMIT_FSIZE, journal.before)
    assert (left["stopped"], left["checkpoint"]) == (True, None)
    _, rest = run({**spec, "resume_from": str(tmp_path / "checkpoints/step-00000002")})
    assert [m["step"] for m in rest.of("metric")] == list(range(3, 11))


def test_the_end_fails_where_there_is_no_room_for_the_model(tmp_path: Path, model: Path) -> None:
    with pytest.raises(Exception, match="File too large") as caught:
        run(make_spec(tmp_path, model), Filling(full_at=10, free_at=100, room=1_000))
    assert failure_code(caught.value) == "disk_full"
