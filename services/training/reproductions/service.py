"""The use cases of reproductions: queue one, and report how its model compares with the original."""

from typing import Any

from pydantic import ValidationError

from services.training.errors import NotReproducedYet, NotReproducible
from services.training.jobs.requests import TrainingRequest
from services.training.jobs.service import TrainingJobs
from services.training.jobs.views import JobView
from services.training.models import CustomModel
from services.training.reproductions.report import Curves, Reproduction, compare_runs
from services.training.store import Stores
from shared.blobs.artifacts import key_of, read_manifest
from shared.blobs.manifests import ModelManifest
from shared.blobs.protocol import Blobs
from shared.runtime.errors import NotFound

MAX_NAME_CHARS = 100
RESOLVED = ("dtype", "threads", "micro_batch_tokens")
"""Settings that the engine resolved, or that an attempt reduced for lack of memory, in place of the requested ones."""
PAGE = 10_000
"""Records read at a time."""


class Reproductions:
    """Trains custom models again and compares."""

    def __init__(self, blobs: Blobs, stores: Stores, jobs: TrainingJobs) -> None:
        self._blobs, self._stores, self._jobs = blobs, stores, jobs

    async def submit(self, project: str, model_id: str, key: str | None) -> JobView:
        """Queue the job. Raises NotReproducible, or what a request for a new job raises: the dataset may be gone."""
        model = await self._stores.custom_models.for_project(project).get(model_id)
        if model.step is not None:
            detail = f"{model_id} is the model of a checkpoint: a job that repeats its training delivers another one."
            remedy = "Reproduce the model of its job."
            raise NotReproducible(detail, field="id", remedy=remedy, job_id=model.job_id)
        request = recorded_request(await self._manifest(model))
        key = f"{model_id} {key}" if key else None
        return await self._jobs.view(await self._jobs.submit(project, request, key, reproduces=model_id))

    async def report(self, project: str, job_id: str, tolerance: float) -> Reproduction:
        """Compare the job's model with the original.

        Raises NotFound where either is gone, NotReproducedYet, and NotReproducible where the weights were not compared.
        """
        job = await self._stores.jobs.for_project(project).get(job_id)
        if job.reproduces is None:
            remedy = "Start one: POST /models/custom/<model-id>/reproduce."
            raise NotFound(f"Job {job_id} is no reproduction.", field="id", remedy=remedy)
        if job.state != "succeeded":
            remedy = f"Follow the job: GET /training/jobs/{job_id}. A failed one states its cause."
            raise NotReproducedYet(f"The job is {job.state}.", field="id", limit="succeeded", remedy=remedy)
        models = self._stores.custom_models.for_project(project)
        original, reproduced = await models.get(job.reproduces), await models.get(job.model_id)
        manifest = await self._manifest(reproduced)
        if "reproduction" not in manifest.provenance["training"]:
            detail, remedy = (
                "The weights could not be compared: the job's log states why.",
                "Reproduce the model again.",
            )
            raise NotReproducible(detail, field="id", remedy=remedy)
        return compare_runs(
            await self._manifest(original),
            manifest,
            await self._curves(project, original.job_id),
            await self._curves(project, job.id),
            tolerance,
        )

    async def _manifest(self, model: CustomModel) -> ModelManifest:
        return ModelManifest.model_validate(await read_manifest(self._blobs, key_of(model.model_uri, model.project)))

    async def _curves(self, project: str, job_id: str) -> Curves:
        """The losses of a job's steps and evaluations, without those that a resumed attempt repeated."""
        curves, after = Curves(), 0
        while (page := await self._jobs.records(project, job_id, [*Curves.KINDS], after, PAGE)).records:
            curves.add(page.records)
            after = page.next_after
        return curves


def recorded_request(manifest: ModelManifest) -> TrainingRequest:
    """The request that repeats the model's training on exactly the same inputs. Raises NotReproducible."""
    request: dict[str, Any] | None = manifest.provenance.get("request")
    if not request or not manifest.base_uri:
        detail = "The model's manifest does not record how it was trained: an earlier version of Anneal wrote it."
        raise NotReproducible(detail, field="id", remedy="Train it again with POST /training/jobs.")
    origin = manifest.provenance.get("training", {}).get("provenance", {})
    settings = {name: value for name in RESOLVED if (value := origin.get("settings", {}).get(name)) is not None}
    recomputes = origin.get("hyperparameters", {}).get("gradient_checkpointing")
    exact = {
        **request,
        **settings,
        **({} if recomputes is None else {"gradient_checkpointing": recomputes}),
        **({"resources": {"gpu": 0}} if str(origin.get("device", "")).startswith("cpu") else {}),
        "base": manifest.base_uri.rpartition("/")[2],
        "name": f"{manifest.name[:MAX_NAME_CHARS]} (reproduction)",
    }
    try:
        return TrainingRequest.model_validate(exact)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        field = ".".join(str(part) for part in first["loc"]) or "id"
        detail = f"The model was trained with a setting that this version refuses: {field}: {first['msg']}."
        remedy = "Use the version of Anneal that its manifest names, or train it again with other settings."
        raise NotReproducible(detail, field=field, remedy=remedy) from error
