"""Publishes a finished job's model in steps that any later worker can repeat."""

import asyncio
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from services.training.jobs.checkpoints import attempt_key
from services.training.models import CustomModel, Job
from services.training.store import Stores
from shared.blobs.artifacts import artifact_uri, publish
from shared.blobs.manifests import ModelManifest
from shared.blobs.protocol import Blobs
from shared.blobs.verification import verify_files
from shared.runtime.errors import AnnealError
from shared.runtime.jobs.engine_runs import Message
from shared.runtime.jobs.leases import Lease


def model_uri(job: Job) -> str:
    """The URI of the job's model."""
    return _uri_of(job.project, job.model_id)


def _uri_of(project: str, model_id: str) -> str:
    return artifact_uri(project, "models", "custom", model_id)


def model_key(job: Job) -> str:
    """The key of the job's model in the blob store."""
    return f"{job.project}/models/custom/{job.model_id}"


def manifest_of(job: Job, result: Message) -> dict[str, Any]:
    """The model's manifest. Pure, so that every write of it has the same bytes."""
    training = {k: v for k, v in result.items() if k not in ("kind", "path", "metrics")}
    metrics = {k: float(v) for k, v in result.get("metrics", {}).items() if isinstance(v, int | float)}
    manifest = ModelManifest(
        model_id=job.model_id,
        name=job.name,
        kind="full" if job.method == "full" else "adapter",
        base=job.base,
        base_name=job.base_name or job.base,
        base_uri=job.base_uri,
        architecture=result.get("architecture") or job.architecture,
        parameters=result.get("parameters") or job.parameters,
        context_length=result.get("context_length") or job.context_length,
        template_hash=result.get("template_hash", ""),
        job_id=job.id,
        method=job.method,
        dataset_id=job.dataset_id,
        dataset_version=job.dataset_version,
        dataset_uri=artifact_uri(job.project, "datasets", job.dataset_id, job.dataset_version),
        max_length=result.get("max_length") or job.hyperparameters.get("max_length"),
        metrics=metrics,
        traceparent=job.traceparent,
        provenance={"hyperparameters": job.hyperparameters, "request": request_of(job), "training": training},
    )
    return manifest.model_dump(mode="json", exclude={"files"})


def request_of(job: Job) -> dict[str, Any]:
    """The body of POST /training/jobs that repeats this job, with every setting explicit."""
    given = {name: value for name, value in job.hyperparameters.items() if value is not None}
    validation = f"{job.validation_id}@{job.validation_version}" if job.validation_id else None
    return {
        "base": job.base,
        "dataset": f"{job.dataset_id}@{job.dataset_version}",
        **({"validation": validation} if validation else {}),
        "method": job.method,
        **given,
    }


async def stage(blobs: Blobs, job: Job, lease: Lease[Job], result: Message, warnings: Iterable[Message] = ()) -> Job:
    """Store the model below the attempt's token, then its manifest in the job (fenced), so any worker can finish it."""
    staged = attempt_key(job, "model")
    result = {**result, "warnings": list(warnings)}
    manifest = await publish(blobs, staged, Path(result["path"]), manifest_of(job, result))
    return await lease.change(lambda current: current.start_publishing(manifest, staged))


async def finish(blobs: Blobs, stores: Stores, job: Job, lease: Lease[Job]) -> Job:
    """Publish the staged model, list it, and mark the job succeeded. Repeatable after any interruption.

    Publishing is not fenced. Where the job has ended otherwise meanwhile, the cleanup deletes what was published.
    """
    assert job.manifest is not None
    assert job.staged is not None
    source = await blobs.local_folder(job.staged)
    entries = ModelManifest.model_validate(job.manifest).files
    await asyncio.to_thread(verify_files, source, entries, "Train the model again.")
    fields = {k: v for k, v in job.manifest.items() if k != "files"}
    try:
        await publish(blobs, model_key(job), None, fields, files={entry.name: source / entry.name for entry in entries})
        await stores.custom_models.create(custom_model(job, job.manifest))
        return await lease.change(lambda current: current.succeed(model_uri(job)))
    except AnnealError:
        await stores.jobs.change(job.id, Job.mark_half_published)
        raise


def custom_model(job: Job, manifest: dict[str, Any]) -> CustomModel:
    """The entry of the job's model, or of a checkpoint's, in the list of custom models."""
    copied = (
        "name",
        "kind",
        "base",
        "base_name",
        "base_uri",
        "parameters",
        "context_length",
        "template_hash",
        "metrics",
    )
    return CustomModel(
        id=manifest["model_id"],
        project=job.project,
        method=job.method,
        model_uri=_uri_of(job.project, manifest["model_id"]),
        job_id=job.id,
        step=manifest.get("step"),
        dataset_id=job.dataset_id,
        dataset_version=job.dataset_version,
        size=sum(entry["size"] for entry in manifest["files"]),
        **{name: manifest[name] for name in copied},
    )
