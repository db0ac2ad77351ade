"""Dry runs: an engine child takes two real steps of a job that is only estimated, and measures them."""

import asyncio
import shutil
from pathlib import Path
from typing import Any

from services.training.errors import DryRunFailed
from services.training.estimates.views import Measured
from services.training.jobs.defaults import ResolvedSettings
from services.training.references import ResolvedBaseModel
from services.training.workers.capacity import GpuPool, visible_gpus
from shared.blobs.artifacts import dataset_folder, resolve_model, weights_size
from shared.blobs.manifests import DatasetManifest
from shared.documents.entities import new_id
from shared.runtime.processes.cpu_limit import usable_cpus
from shared.runtime.processes.limits import Limits
from shared.runtime.processes.turns import Turns
from shared.runtime.resources import Resources

TARGET = "services.training.engine.tasks.dry_run:main"
LIMITS = Limits(cpu_s=3600 * usable_cpus(), network="loopback")
"""Two steps; the threads' time adds up."""


class DryRuns:
    """One at a time, since a dry run takes as much memory as the job would; projects take turns."""

    def __init__(self, resources: Resources) -> None:
        self._resources, self._running = resources, Turns(1)

    async def measure(
        self, project: str, base: ResolvedBaseModel, dataset: DatasetManifest, resolved: ResolvedSettings
    ) -> Measured:
        """Measure the peak memory and the time of a step. Raises DryRunFailed with the engine's message."""
        async with self._running.place(project):
            folder = self._resources.scratch / "training" / new_id("dry")
            await asyncio.to_thread(folder.mkdir, parents=True)
            try:
                end = await self._run(await self._spec(project, base, dataset, resolved, folder), folder, resolved)
            finally:
                await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)
        if end["kind"] == "failed":
            remedy = end.get("remedy") or "Choose smaller settings, or another base model."
            raise DryRunFailed(f"The dry run failed: {end['detail']}", field=end.get("field"), remedy=remedy)
        return Measured(peak=end["peak"], step_seconds=end["seconds"], step_tokens=end["tokens"])

    async def _run(self, spec: dict[str, Any], folder: Path, resolved: ResolvedSettings) -> dict[str, Any]:
        with GpuPool(visible_gpus()).allocate(resolved.resources.gpu) as env:
            child = await self._resources.engines.launch(TARGET, spec, cwd=folder, env=env, limits=LIMITS)
            return await child.answer(weights_size(spec["model"])) or {
                "kind": "failed",
                "detail": "it ended without a result",
            }

    async def _spec(
        self, project: str, base: ResolvedBaseModel, dataset: DatasetManifest, resolved: ResolvedSettings, folder: Path
    ) -> dict[str, Any]:
        """The job's own spec (engine/spec.py) without validation rows, since nothing is evaluated."""
        rows = await dataset_folder(
            self._resources.blobs,
            f"{project}/datasets/{dataset.dataset_id}/{dataset.version}",
            dataset,
            dataset.shards["train"],
        )
        return {
            "workdir": str(folder),
            "model": {**await resolve_model(self._resources.blobs, base.uri, project), "name": base.name},
            "dataset": {"train": [str(rows / name) for name in dataset.shards["train"]], "form": dataset.form},
            "hyperparameters": {"method": resolved.method, **resolved.hyperparameters},
            "output": str(folder / "model"),
            "checkpoints": str(folder / "checkpoints"),
        }
