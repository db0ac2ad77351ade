"""Checkpoints on disk: complete, durable before they appear, verified when read, and loaded without running code."""

from __future__ import annotations

import errno
import os
import pickle
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from services.training.engine.distributed.ranks import SINGLE_PROCESS
from services.training.engine.loop.checkpoint import (
    read_checkpoint,
    save_weights,
    unless_disk_full,
    write_checkpoint,
)
from services.training.engine.loop.state import TrainingState
from services.training.engine.spec import Settings
from shared.engine.process.protocol import EngineError
from tests.unit.training.engine.engine_run import RecordingReporter

SETTINGS = Settings(
    layout="packed", dtype="fp32", threads=1, max_length=64, micro_batch_tokens=128, template_hash="t", total_steps=9
)
WEIGHTS, BEST = {"w": torch.arange(6.0).view(2, 3)}, {"w": torch.ones(2, 3)}
OPTIMIZER = {"optimizer": {"state": {0: {"step": torch.tensor(3.0)}}}, "scaler": None}


def write(folder: Path, best_step: int | None = 2, step: int = 5) -> Path:
    """Write the checkpoint of `step` over a leftover of an interrupted write; return its folder."""
    checkpoint, best = folder / "checkpoints/job/step-00000005", folder / "best.safetensors"
    (checkpoint.parent / f".building-{checkpoint.name}/leftover").mkdir(parents=True, exist_ok=True)
    save_weights(BEST, best)
    state = TrainingState(step=step, best_step=best_step, best_loss=1.5, recent_losses=[2.0, 1.9])
    write_checkpoint(checkpoint, state, SETTINGS, WEIGHTS, OPTIMIZER, best)
    return checkpoint


@pytest.mark.parametrize("links", [True, False])
@pytest.mark.parametrize(("best_step", "expected"), [(None, None), (2, BEST), (5, BEST)])
def test_checkpoint_is_read_as_it_was_written(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    best_step: int | None,
    expected: dict[str, torch.Tensor] | None,
    links: bool,
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.EPERM, "no hard links on this file system")

    if not links:
        monkeypatch.setattr(os, "link", refuse)
    for _ in range(2):  # the second replaces the first
        checkpoint = read_checkpoint(write(tmp_path, best_step))
    assert (checkpoint.state.step, checkpoint.state.recent_losses, checkpoint.settings) == (5, [2.0, 1.9], SETTINGS)
    assert checkpoint.optimizer_states == OPTIMIZER
    # At its best step the file of the best weights is that of the weights.
    assert torch.equal(checkpoint.weights["w"], (BEST if best_step == 5 else WEIGHTS)["w"])
    restored = tmp_path / "another/machine/best.safetensors"
    checkpoint.restore_best_weights(restored)
    assert restored.exists() == (expected is not None)
    if expected:
        assert restored.read_bytes() == (tmp_path / "best.safetensors").read_bytes()
    assert [path.name for path in checkpoint.folder.parent.iterdir()] == [checkpoint.folder.name]


def test_first_checkpoint_creates_its_folders(tmp_path: Path) -> None:
    folder = tmp_path / "checkpoints/job/step-00000001"
    write_checkpoint(folder, TrainingState(step=1), SETTINGS, WEIGHTS, OPTIMIZER, tmp_path / "best.safetensors")
    assert read_checkpoint(folder).state.step == 1


def test_all_files_are_on_disk_before_the_checkpoint_appears(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    events: list[int | str] = []
    fsync, replace = os.fsync, os.replace

    def recorded_fsync(descriptor: int) -> None:
        events.append(os.fstat(descriptor).st_ino)
        fsync(descriptor)

    def recorded_replace(source: Path, target: Path) -> None:
        events.append(Path(target).name)
        replace(source, target)

    monkeypatch.setattr(os, "fsync", recorded_fsync)
    monkeypatch.setattr(os, "replace", recorded_replace)
    folder = write(tmp_path)
    appeared = events.index(folder.name)
    inodes = {path.stat().st_ino for path in [folder, *folder.iterdir()]}
    assert len(inodes) == 5
    assert inodes <= {*events[:appeared]}
    assert folder.parent.stat().st_ino in events[appeared:]


@pytest.mark.parametrize("content", ["", "{", "{}", "null", '{"digest": ""}'])
def test_damaged_index_is_named(tmp_path: Path, content: str) -> None:
    folder = write(tmp_path)
    (folder / "checkpoint.json").write_text(content)
    with pytest.raises(EngineError) as refused:
        read_checkpoint(folder)
    assert (refused.value.code, refused.value.fields["file"]) == ("checkpoint_damaged", "checkpoint.json")


@pytest.mark.parametrize("name", ["weights.safetensors", "best.safetensors", "optimizer.pt"])
@pytest.mark.parametrize("removed", [True, False])
def test_damaged_file_is_named(tmp_path: Path, name: str, removed: bool) -> None:
    folder = write(tmp_path)
    content = (folder / name).read_bytes()
    (folder / name).unlink()
    if not removed:
        (folder / name).write_bytes(content[:-1])
    with pytest.raises(EngineError) as refused:
        read_checkpoint(folder)
    assert (refused.value.code, refused.value.fields["file"]) == ("checkpoint_damaged", name)


class Executed:
    """A pickle of it creates a folder when it is loaded."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, (str(self.path),)


def test_optimizer_states_cannot_run_code(tmp_path: Path) -> None:
    checkpoint = read_checkpoint(write(tmp_path))
    torch.save({"optimizer": Executed(tmp_path / "executed")}, checkpoint.folder / "optimizer.pt")
    with pytest.raises(pickle.UnpicklingError):
        _ = checkpoint.optimizer_states
    assert not (tmp_path / "executed").exists()


def test_failed_write_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "occupied").mkdir()
    with pytest.raises(IsADirectoryError):
        save_weights(WEIGHTS, tmp_path / "occupied")
    with pytest.raises(FileNotFoundError):  # the best weights are gone
        write_checkpoint(
            tmp_path / "step-00000005", TrainingState(step=5, best_step=5), SETTINGS, WEIGHTS, {}, tmp_path / "absent"
        )
    assert [path.name for path in tmp_path.iterdir()] == ["occupied"]


@pytest.mark.parametrize(("number", "stops"), [(errno.ENOSPC, False), (errno.EDQUOT, False), (errno.EIO, True)])
def test_full_disk_costs_a_checkpoint_and_any_other_error_the_run(number: int, stops: bool) -> None:
    run: Any = SimpleNamespace(reporter=RecordingReporter(), ranks=SINGLE_PROCESS)

    def write() -> None:
        raise OSError(number, os.strerror(number))

    with pytest.raises(OSError, match=os.strerror(number)) if stops else nullcontext():
        assert not unless_disk_full(run, "the file", write)
    logged = [message["message"] for message in run.reporter.of_kind("log")]
    assert logged == ([] if stops else ["The disk is full: the file was not saved. Training continues."])
    assert unless_disk_full(run, "the file", lambda: None)
