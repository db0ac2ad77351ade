"""One attempt at an evaluation: runs the engine under the lease, then publishes the report."""

import asyncio
import hashlib
import json
import shutil
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from services.evaluation.models import Evaluation, Outcome, Progress
from services.evaluation.store import BaseCache
from shared.blobs.artifacts import dataset_folder, key_of, publish, read_manifest, resolve_model, weights_size
from shared.blobs.attempt_artifacts import attempt_artifact
from shared.blobs.manifests import DatasetManifest, EvaluationManifest, ModelManifest
from shared.runtime.jobs.engine_runs import run_to_result
from shared.runtime.jobs.leases import Lease
from shared.runtime.jobs.uses import Uses
from shared.runtime.resources import Resources

FOLDER = "evaluations"
"""In the scratch folder; holds a folder per attempt, deleted with it."""
ENGINE = "services.evaluation.engine.evaluate:main"
PROGRESS_INTERVAL_S = 1.0
_CACHE_VERSION = 3
"""Changes with the choice of rows, prompts and references, and with what is kept of an output."""
REPORT = "predictions.jsonl"
"""The file of the report that holds its rows, next to the manifest."""
STATISTICS = "statistics.npz"
"""The file with the statistics of the rows, whose sums give the scores: see comparison/scores.py."""


@dataclass(frozen=True)
class Runner:
    """Runs the evaluations that the worker claims."""

    resources: Resources
    uses: Uses[Evaluation]

    async def run(self, evaluation: Evaluation, lease: Lease[Evaluation]) -> None:
        """Evaluate in a child process and publish, unless the lease is lost or the evaluation is cancelled."""
        folder = self.resources.scratch / FOLDER / f"{evaluation.id}-t{lease.token}"
        folder.mkdir(parents=True)
        try:
            await self.uses.add(evaluation)
            cache = await self._base_cache(evaluation)
            spec = await self._spec(evaluation, cache, folder)
            child = await self.resources.engines.launch(ENGINE, spec, cwd=folder)
            size = weights_size(spec["model"]) + (weights_size(spec["base"]) if spec["base"] else 0)
            result = await run_to_result(child, lease, _ProgressWriter(lease).on_message, size)
            if result is not None:
                outcome = Outcome.model_validate({**result, "base_cached": bool(spec["cached"])})
                await self._publish(evaluation, lease, outcome, folder)
                await cache.save(folder)
        finally:
            await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)

    async def _spec(self, evaluation: Evaluation, cache: BaseCache, folder: Path) -> dict[str, Any]:
        """Build the engine's spec: local paths and plain values, no URIs."""
        blobs, project, scope = self.resources.blobs, evaluation.project, evaluation.scope
        dataset_key = key_of(evaluation.dataset_uri, project)
        model = await read_manifest(blobs, key_of(evaluation.model_uri, project))
        reference = await resolve_model(blobs, evaluation.model_uri, project)
        base = None
        if scope.compare_base and reference["kind"] == "full" and evaluation.base_uri:
            base = await resolve_model(blobs, evaluation.base_uri, project)
        dataset = DatasetManifest.model_validate(await read_manifest(blobs, dataset_key))
        shards = dataset.shards[scope.split]
        return {
            "model": reference,
            "base": base,
            "template_hash": model.get("template_hash", ""),
            "dataset": {"folder": str(await dataset_folder(blobs, dataset_key, dataset, shards)), "shards": shards},
            "rows": scope.rows,
            "trained_on": scope.split in ModelManifest.model_validate(model).trained_splits
            and model.get("dataset_id") == scope.dataset_id,
            "metrics": scope.metrics,
            "detect_metrics": scope.detect_metrics,
            "compare_base": scope.compare_base,
            "slice_by": scope.slice_by,
            "cached": await cache.local_files() if scope.compare_base else {},
            "out": str(folder),
            **scope.settings.model_dump(),
        }

    async def _base_cache(self, evaluation: Evaluation) -> BaseCache:
        """Return the cache of the base model's outputs on these rows with these settings.

        `batch_tokens` is not part of the key: it only affects speed.
        """
        scope = evaluation.scope
        model = await read_manifest(self.resources.blobs, key_of(evaluation.model_uri, evaluation.project))
        settings = scope.settings.model_dump(exclude={"batch_tokens"})
        rows = [evaluation.dataset_uri, scope.split, scope.rows]
        key_fields = [_CACHE_VERSION, evaluation.base_uri, model.get("template_hash"), rows, settings]
        digest = hashlib.sha256(json.dumps(key_fields).encode()).hexdigest()
        return BaseCache(self.resources.blobs, f"{evaluation.project}/evaluations/base/{digest}")

    async def _publish(self, evaluation: Evaluation, lease: Lease[Evaluation], outcome: Outcome, folder: Path) -> None:
        """Store the report under this attempt's token, then end the evaluation, which emits the event."""
        await lease.change(lambda e: e.publishing())
        blobs, project, scope = self.resources.blobs, evaluation.project, evaluation.scope
        manifest = EvaluationManifest(
            evaluation_id=evaluation.id,
            model_id=scope.model_id,
            split=scope.split,
            rows=outcome.evaluated,
            scores=outcome.scores,
            base_scores=outcome.base_scores,
            signatures=outcome.signatures,
            dataset_uri=evaluation.dataset_uri,
            settings=scope.settings.model_dump(),
        )
        async with attempt_artifact(blobs, project, "evaluations", evaluation.id, token=lease.token) as uri:
            files = {name: folder / name for name in (REPORT, STATISTICS)}
            await publish(blobs, key_of(uri, project), None, manifest.model_dump(), files=files)
            await self.uses.remove(evaluation)
            await lease.change(lambda e: e.succeed(outcome, uri))


class _ProgressWriter:
    """Writes progress to the document once per PROGRESS_INTERVAL_S, and at every change of phase."""

    def __init__(self, lease: Lease[Evaluation]) -> None:
        self._lease, self._phase, self._written = lease, "", 0.0

    async def on_message(self, message: dict[str, Any]) -> None:
        """Handle an engine message; only progress is used."""
        if message["kind"] != "progress":
            return
        progress = Progress.model_validate(message)
        if progress.phase == self._phase and time.monotonic() - self._written < PROGRESS_INTERVAL_S:
            return
        self._phase, self._written = progress.phase, time.monotonic()
        await self._lease.change(lambda e: e.advance(progress))
