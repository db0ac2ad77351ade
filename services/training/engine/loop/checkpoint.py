"""Checkpoints: whole or not there at all, checked when read, and enough to go on as if nothing had happened."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from pydantic import BaseModel, ValidationError
from safetensors.torch import load_file, save_file
from torch import Tensor

from services.training.engine.distributed.parallelize import part
from services.training.engine.spec import Settings
from shared.engine.process.protocol import EngineError

_INDEX, _WEIGHTS, _BEST, _OPTIMIZER = "checkpoint.json", "weights.safetensors", "best.safetensors", "optimizer.pt"


class Position(BaseModel):
    """How far a run is, after `step` optimizer steps, and what it has seen; losses in nats per token.

    `seconds` is the time that these steps took with their evaluations, `recent_losses` and `lowest_median` are what
    engine/divergence.py remembers.
    """

    step: int = 0
    tokens: int = 0
    seconds: float = 0.0
    evaluated_at: int | None = None
    saved_at: int | None = None
    best_step: int | None = None
    best_loss: float | None = None
    evaluations_without_gain: int = 0
    train_loss_first: float | None = None
    train_loss_last: float | None = None
    validation_loss_first: float | None = None
    validation_loss_last: float | None = None
    recent_losses: list[float] = []
    lowest_median: float | None = None

    @property
    def owes_baseline(self) -> bool:
        """Whether the untrained model counts as the best so far, and its loss was not measured yet."""
        return self.best_step == 0 and self.best_loss is None

    def losses(self) -> dict[str, float]:
        """What is known of the losses, for the model's manifest."""
        known = {
            "train_loss_first": self.train_loss_first,
            "train_loss_last": self.train_loss_last,
            "validation_loss_first": self.validation_loss_first,
            "validation_loss_last": self.validation_loss_last,
            "validation_loss_best": self.best_loss,
        }
        return {name: value for name, value in known.items() if value is not None}


@dataclass(frozen=True)
class Checkpoint:
    """A checkpoint that was read and found whole."""

    folder: Path
    position: Position
    settings: Settings

    @property
    def weights(self) -> dict[str, Tensor]:
        """The trained weights at its step."""
        return load_weights(self.folder / _WEIGHTS)

    @property
    def machinery(self) -> dict[str, Any]:
        """States of optimizer, scheduler, gradient scaler and random generators."""
        return torch.load(self.folder / _OPTIMIZER, weights_only=True, map_location="cpu")

    def bring_best(self, best: Path) -> None:
        """Put the best weights so far where the run keeps them."""
        if self.position.best_step is not None:
            source = _WEIGHTS if self.position.best_step == self.position.step else _BEST
            link(self.folder / source, best)


def name_of(position: Position) -> str:
    """The folder of the checkpoint behind a step."""
    return f"step-{position.step:08d}"


def write(
    folder: Path,
    position: Position,
    settings: Settings,
    weights: Mapping[str, Tensor],
    machinery: Mapping[str, Any],
    best: Path,
) -> None:
    """Write a checkpoint into `folder`: built beside, synced, then renamed into place.

    Files of `best`, the best weights so far, are linked rather than copied.
    """
    building = folder.with_name(f".building-{folder.name}")
    shutil.rmtree(building, ignore_errors=True)
    building.mkdir(parents=True)
    try:
        _build(building, position, settings, weights, machinery, best)
    except BaseException:  # what is half written takes room
        shutil.rmtree(building, ignore_errors=True)
        raise
    shutil.rmtree(folder, ignore_errors=True)
    os.replace(building, folder)
    _sync(folder.parent)


def _build(
    building: Path,
    position: Position,
    settings: Settings,
    weights: Mapping[str, Tensor],
    machinery: Mapping[str, Any],
    best: Path,
) -> None:
    if position.best_step == position.step:
        link(best, building / _WEIGHTS)
    else:
        save_weights(weights, building / _WEIGHTS)
        if position.best_step is not None:
            link(best, building / _BEST)
    with (building / _OPTIMIZER).open("wb") as file:  # whose errors, unlike torch's own, say what is wrong
        torch.save(dict(machinery), file)
    _write_index(building, position, settings)
    for path in building.iterdir():
        _sync(path)
    _sync(building)


def read(folder: Path) -> Checkpoint:
    """Open a checkpoint; raises EngineError `checkpoint_damaged` naming the file that is not what was written."""
    try:
        index = json.loads((folder / _INDEX).read_text("utf-8"))
        if index.pop("digest") != _digest(index):
            raise ValueError("its own checksum does not match")
        files, position = index["files"], Position.model_validate(index["position"])
        settings = Settings.model_validate(index["settings"])
    except (OSError, ValueError, KeyError, AttributeError, ValidationError) as error:
        raise _damaged(folder, _INDEX) from error
    for name, checksum in files.items():
        if not (folder / name).is_file() or _sha256(folder / name) != checksum:
            raise _damaged(folder, name)
    return Checkpoint(folder, position, settings)


def save_weights(weights: Mapping[str, Tensor], path: Path) -> None:
    """Write weights to `path` at once or not at all."""
    partial = path.with_name(f".{path.name}.partial")
    try:
        save_file({name: weight.detach().cpu().contiguous() for name, weight in weights.items()}, partial)
        os.replace(partial, path)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise


def load_weights(path: Path) -> dict[str, Tensor]:
    """Weights by name, as they were saved."""
    return load_file(path)


def restore_weights(saved: Mapping[str, Tensor], weights: Mapping[str, Tensor]) -> None:
    """Copy saved values into the live weights; raises EngineError `checkpoint_mismatch` if they are other ones."""
    if saved.keys() != weights.keys() or any(saved[n].shape != weights[n].shape for n in saved):
        raise EngineError(
            "checkpoint_mismatch",
            "the checkpoint belongs to another model or method",
            remedy="start a new job; its base may be the model of this one",
        )
    with torch.no_grad():
        for name, weight in weights.items():
            weight.copy_(part(saved[name], weight))


def link(source: Path, target: Path) -> None:
    """The same file under a second name; a copy where the file system has no hard links between the two."""
    target.parent.mkdir(parents=True, exist_ok=True)
    target.unlink(missing_ok=True)
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)


def _write_index(folder: Path, position: Position, settings: Settings) -> None:
    index: dict[str, Any] = {
        "position": position.model_dump(),
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
