"""Checkpoints: written atomically, verified when read, and complete, so that a resumed run continues bit for bit."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from pydantic import ValidationError
from safetensors.torch import load_file, save_file
from torch import Tensor

from services.training.engine.loop.state import Run, TrainingState
from services.training.engine.model.loading import trainable
from services.training.engine.model.parallelize import gather_full, to_local_shard
from services.training.engine.spec import RESUME_FILES, Settings
from shared.engine.process.protocol import EngineError, failure_code

_INDEX, _WEIGHTS = "checkpoint.json", "weights.safetensors"
_BEST, _OPTIMIZER = RESUME_FILES


@dataclass(frozen=True)
class Checkpoint:
    """A checkpoint that was read and verified."""

    folder: Path
    state: TrainingState
    settings: Settings

    @property
    def weights(self) -> dict[str, Tensor]:
        """The trained weights after its step."""
        return load_weights(self.folder / _WEIGHTS)

    @property
    def optimizer_states(self) -> dict[str, Any]:
        """States of the optimizer, the learning rate scheduler, the gradient scaler and the random generators."""
        return torch.load(self.folder / _OPTIMIZER, weights_only=True, map_location="cpu")

    def restore_best_weights(self, path: Path) -> None:
        """Put the best weights so far at `path`, where the run keeps them."""
        if self.state.best_step is not None:
            source = _WEIGHTS if self.state.best_step == self.state.step else _BEST
            link_or_copy(self.folder / source, path)


def save_checkpoint(run: Run) -> Path | None:
    """Write a checkpoint of the last completed step and report it; the service takes it from there.

    All processes gather the state, the main process writes it. Returns None if the disk is full.
    """
    state = run.state
    state.saved_at = state.step
    weights = gather_full(trainable(run.model))
    optimizer_states = {
        "optimizer": gather_full(run.optimizer.state_dict()),
        "scheduler": run.scheduler.state_dict(),
        "scaler": run.accelerator.scaler.state_dict() if run.accelerator.scaler is not None else None,
        "random": run.rng_state,
    }
    folder = Path(run.spec.checkpoints) / f"step-{state.step:08d}"

    def write() -> None:
        write_checkpoint(folder, state, run.settings, weights, optimizer_states, run.best_weights)

    if not unless_disk_full(run, f"the checkpoint of step {state.step}", write):
        return None
    evaluated = state.evaluated_at == state.step
    run.reporter.emit(
        "checkpoint",
        path=str(folder),
        step=state.step,
        loss=state.validation_loss_last if evaluated else None,
        best=state.best_step == state.step,
    )
    return folder


def unless_disk_full(run: Run, what: str, write: Callable[[], object]) -> bool:
    """Call `write` in the main process; on a full disk, log a warning and return False in every process.

    Training can do without one more checkpoint, because the previous one stays valid.
    """

    def attempt() -> bool:
        try:
            write()
        except Exception as error:
            if failure_code(error) != "disk_full":
                raise
            run.reporter.log("warning", f"The disk is full: {what} was not saved. Training continues.")
            return False
        return True

    return run.ranks.broadcast_result(attempt)


def write_checkpoint(
    folder: Path,
    state: TrainingState,
    settings: Settings,
    weights: Mapping[str, Tensor],
    optimizer_states: Mapping[str, Any],
    best: Path,
) -> None:
    """Write a checkpoint to `folder`: into a temporary folder first, synced, then renamed into place.

    `best`, the file of the best weights so far, is hard-linked rather than copied.
    """
    building = folder.with_name(f".building-{folder.name}")
    shutil.rmtree(building, ignore_errors=True)
    building.mkdir(parents=True)
    try:
        _write_files(building, state, settings, weights, optimizer_states, best)
    except BaseException:  # a partial checkpoint would only take disk space
        shutil.rmtree(building, ignore_errors=True)
        raise
    shutil.rmtree(folder, ignore_errors=True)
    os.replace(building, folder)
    _sync(folder.parent)


def _write_files(
    folder: Path,
    state: TrainingState,
    settings: Settings,
    weights: Mapping[str, Tensor],
    optimizer_states: Mapping[str, Any],
    best: Path,
) -> None:
    if state.best_step == state.step:
        link_or_copy(best, folder / _WEIGHTS)
    else:
        save_weights(weights, folder / _WEIGHTS)
        if state.best_step is not None:
            link_or_copy(best, folder / _BEST)
    with (folder / _OPTIMIZER).open("wb") as file:  # Python's own errors name the cause, torch's do not
        torch.save(dict(optimizer_states), file)
    _write_index(folder, state, settings)
    for path in folder.iterdir():
        _sync(path)
    _sync(folder)


def read_checkpoint(folder: Path) -> Checkpoint:
    """Read and verify a checkpoint; raises EngineError `checkpoint_damaged` naming the damaged file."""
    return _read(folder, ())


def read_weights_of(folder: Path) -> Checkpoint:
    """Read and verify a checkpoint of which only the weights may be left: the rest is deleted when its job ends."""
    return _read(folder, RESUME_FILES)


def _read(folder: Path, unverified: Collection[str]) -> Checkpoint:
    try:
        index = json.loads((folder / _INDEX).read_text("utf-8"))
        if index.pop("digest") != _digest(index):
            raise ValueError("its own checksum does not match")
        files, state = index["files"], TrainingState.model_validate(index["position"])
        settings = Settings.model_validate(index["settings"])
    except (OSError, ValueError, KeyError, AttributeError, ValidationError) as error:
        raise _damaged(folder, _INDEX) from error
    for name, checksum in files.items():
        if name in unverified:
            continue
        if not (folder / name).is_file() or _sha256(folder / name) != checksum:
            raise _damaged(folder, name)
    return Checkpoint(folder, state, settings)


def save_weights(weights: Mapping[str, Tensor], path: Path) -> None:
    """Write weights to `path` atomically."""
    partial = path.with_name(f".{path.name}.partial")
    try:
        save_file({name: weight.detach().cpu().contiguous() for name, weight in weights.items()}, partial)
        os.replace(partial, path)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise


def load_weights(path: Path) -> dict[str, Tensor]:
    """Read weights by name."""
    return load_file(path)


def restore_weights(saved: Mapping[str, Tensor], weights: Mapping[str, Tensor]) -> None:
    """Copy saved values into the live weights; raises EngineError `checkpoint_mismatch` if names or shapes differ."""
    if saved.keys() != weights.keys() or any(saved[n].shape != weights[n].shape for n in saved):
        raise EngineError(
            "checkpoint_mismatch",
            "the checkpoint belongs to another model or method",
            remedy="start a new job; its base may be the model of this one",
        )
    with torch.no_grad():
        for name, weight in weights.items():
            weight.copy_(to_local_shard(saved[name], weight))


def link_or_copy(source: Path, target: Path) -> None:
    """Hard-link `source` to `target`; copy it where the file system does not allow the link."""
    target.parent.mkdir(parents=True, exist_ok=True)
    target.unlink(missing_ok=True)
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)


def _write_index(folder: Path, state: TrainingState, settings: Settings) -> None:
    index: dict[str, Any] = {
        "position": state.model_dump(),
        "settings": settings.model_dump(),
        "files": {path.name: _sha256(path) for path in sorted(folder.iterdir())},
    }
    (folder / _INDEX).write_text(json.dumps({**index, "digest": _digest(index)}, indent=1), "utf-8")


def _digest(index: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(index, sort_keys=True).encode()).hexdigest()


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _damaged(folder: Path, name: str) -> EngineError:
    return EngineError(
        "checkpoint_damaged",
        f"{folder.name}/{name} is missing or is not what was written",
        checkpoint=folder.name,
        file=name,
        remedy="resume from an earlier checkpoint, or start the job again",
    )
