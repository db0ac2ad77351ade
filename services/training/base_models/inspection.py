"""Inspects a model folder in an engine child."""

import asyncio
import shutil
import uuid
from pathlib import Path
from typing import Any

from services.training.errors import EngineFailed, UnsafeModel
from shared.blobs.artifacts import weights_size
from shared.runtime.processes.limits import Limits
from shared.runtime.resources import Resources

TARGET = "services.training.engine.tasks.inspect_model:main"
LIMITS = Limits(cpu_s=3600, file_bytes=1 << 30)
Facts = dict[str, Any]
MANIFEST_FACTS = (
    *("architecture", "parameters", "context_length", "shape"),
    *("template_hash", "has_template", "template_features", "ends"),
)
"""The facts that become part of a base model's manifest."""


async def inspect_folder(resources: Resources, folder: Path, project: str, *, field: str) -> Facts:
    """Facts about the model (engine/tasks/inspect_model.py). Raises UnsafeModel with the engine's message."""
    workdir = resources.scratch / "training" / f"inspect-{uuid.uuid4().hex}"
    await asyncio.to_thread(workdir.mkdir, parents=True)
    try:
        child = await resources.engines.launch(
            TARGET,
            {"path": str(folder)},
            cwd=workdir,
            env={"CUDA_VISIBLE_DEVICES": ""},
            limits=LIMITS,
            short_for=project,
        )
        end: Facts | None = await child.answer(weights_size({"path": folder, "base": None}))
    finally:
        await asyncio.to_thread(shutil.rmtree, workdir, ignore_errors=True)
    if end is None:
        raise EngineFailed("The model's check ended without a result.", field=field, remedy="Try again.")
    if end["kind"] == "failed":
        raise UnsafeModel(
            f"The model was refused: {end['detail']}", field=field, remedy=end.get("remedy"), cause=end["code"]
        )
    return end
