"""From a request to a prepared job: every reference verified, every setting resolved."""

from dataclasses import dataclass

from services.training.jobs.defaults import ModelAndData, ResolvedSettings, resolve_settings
from services.training.jobs.requests import TrainingRequest
from services.training.presets.service import Presets
from services.training.references import References, ResolvedBaseModel
from services.training.workers.capacity import check_allocation, check_process_count
from services.training.workers.registry import WorkerRegistry
from shared.blobs.manifests import DatasetManifest


@dataclass(frozen=True)
class PreparedJob:
    """A request with every reference verified and every setting resolved."""

    project: str
    base: ResolvedBaseModel
    dataset: DatasetManifest
    validation: DatasetManifest | None
    resolved: ResolvedSettings


class JobPreparation:
    """Prepares requests, for submits and for estimates."""

    def __init__(
        self, references: References, registry: WorkerRegistry, presets: Presets, *, remote_engines: bool = False
    ) -> None:
        """`remote_engines`: a job's processes may run on other machines than the workers'."""
        self._references, self._registry, self._presets = references, registry, presets
        self._remote_engines = remote_engines

    async def prepare(self, project: str, request: TrainingRequest) -> PreparedJob:
        """Raises UnknownBase, UnknownDataset, UnsuitableDataset, ExceedsMachine or InvalidInput, naming the field."""
        settings = await self._presets.apply(project, request.preset, request)
        base = await self._references.base_model(project, request.base)
        dataset = await self._references.dataset(project, request.dataset)
        validation = await self._references.validation(project, request.validation, dataset)
        subject = ModelAndData(
            parameters=base.manifest.parameters,
            context_length=base.manifest.context_length,
            rows=sum(dataset.rows.values()) if validation else dataset.rows["train"],
            form=dataset.form,
        )
        own = self._registry.own
        resolved = resolve_settings(settings, subject, own.machine, own.slots)
        check_allocation(resolved.resources, [worker.machine for worker in await self._registry.live_workers()])
        if not self._remote_engines:
            check_process_count(resolved.hyperparameters["processes"], resolved.resources)
        return PreparedJob(project, base, dataset, validation, resolved)
