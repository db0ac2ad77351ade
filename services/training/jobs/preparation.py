"""From a request to a prepared job: every reference verified, every setting resolved."""

from dataclasses import dataclass

from services.training.jobs.defaults import Resolved, Subject, resolve
from services.training.jobs.requests import TrainingRequest
from services.training.presets.service import Presets
from services.training.references import FoundBase, References
from services.training.workers.capacity import check, check_processes
from services.training.workers.registry import Workers
from shared.blobs.manifests import DatasetManifest


@dataclass(frozen=True)
class PreparedJob:
    """A request with every reference verified and every setting resolved."""

    project: str
    base: FoundBase
    dataset: DatasetManifest
    validation: DatasetManifest | None
    resolved: Resolved


class JobPreparation:
    """Prepares requests, for a submit as for an estimate."""

    def __init__(
        self, references: References, workers: Workers, presets: Presets, *, remote_engines: bool = False
    ) -> None:
        """`remote_engines`: a job's processes may run on other machines than the workers'."""
        self._references, self._workers, self._presets = references, workers, presets
        self._remote_engines = remote_engines

    async def prepare(self, project: str, request: TrainingRequest) -> PreparedJob:
        """Raises UnknownBase, UnknownDataset, UnsuitableDataset, ExceedsMachine or InvalidInput, naming the field."""
        settings = await self._presets.apply(project, request.preset, request)
        base = await self._references.base(project, request.base)
        dataset = await self._references.dataset(project, request.dataset)
        validation = await self._references.validation(project, request.validation, dataset)
        subject = Subject(
            parameters=base.manifest.parameters,
            context_length=base.manifest.context_length,
            rows=sum(dataset.rows.values()) if validation else dataset.rows["train"],
            form=dataset.form,
        )
        own = self._workers.own
        resolved = resolve(settings, subject, own.machine, own.slots)
        check(resolved.resources, [site.machine for site in await self._workers.sites()])
        if not self._remote_engines:
            check_processes(resolved.hyperparameters["processes"], resolved.resources)
        return PreparedJob(project, base, dataset, validation, resolved)
