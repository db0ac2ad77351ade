"""From a request to a prepared job: every reference verified, every setting resolved."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from services.training.engine.spec import auto_dtype
from services.training.jobs.defaults import TYPICAL_ROW_TOKENS, ModelAndData, ResolvedSettings, resolve_settings
from services.training.jobs.evaluation_share import MAX_EVAL_SHARE, NOTABLE_OPERATIONS, large_share_warning
from services.training.jobs.requests import TrainingRequest
from services.training.jobs.token_caches import DEFAULT_TEXT_WINDOW
from services.training.jobs.unsupported_rows import find_unsupported, refusal_of, unknown_warning_of, warning_of
from services.training.model_names import require_usable_name
from services.training.presets.service import Presets
from services.training.references import References, ResolvedBaseModel
from services.training.settings import TrainingSettings
from services.training.workers.capacity import Machine, check_allocation, check_process_count
from services.training.workers.registry import WorkerRegistry
from shared.blobs.manifests import DatasetManifest, Feature
from shared.events.training import aliases_in
from shared.runtime.errors import InvalidInput
from shared.warnings import ReportedWarning

TOKENS_PER_BYTE = 1.0
"""Of compressed rows; GSM8K has 1.0 tokens of SmolLM2 and 1.1 of seedling for each byte."""
EARLY_STOPPING = ReportedWarning(
    code="early_stopping_without_validation",
    detail="early_stopping_patience has no effect: there are no validation rows.",
    remedy="Give a validation dataset, or upload the rows with a validation_share.",
)


@dataclass(frozen=True)
class PreparedJob:
    """A request with every reference verified and every setting resolved."""

    project: str
    base: ResolvedBaseModel
    dataset: DatasetManifest
    validation: DatasetManifest | None
    resolved: ResolvedSettings
    subject: ModelAndData
    settings: TrainingSettings
    """What the request and its preset set."""
    warnings: Sequence[ReportedWarning] = ()
    unsupported: Mapping[str, Feature] = field(default_factory=dict)
    """What rows have that the base model's chat template cannot show."""

    @property
    def training_splits(self) -> Sequence[str]:
        """The splits of the dataset that are trained on."""
        return self.dataset.training_splits if self.validation else ["train"]

    @property
    def text_window(self) -> int | None:
        """Tokens of the pieces that text is split into; None for conversations, which are not split."""
        if self.dataset.form != "text" or self.resolved.hyperparameters["objective"] == "dpo":
            return None
        window = int(self.resolved.hyperparameters["max_length"] or DEFAULT_TEXT_WINDOW)
        return min(window, self.subject.context_length or window)

    def require_supported_rows(self) -> None:
        """Raise UnsupportedRows for a job that is to refuse them rather than to skip them."""
        if self.unsupported and self.resolved.hyperparameters["unsupported_rows"] == "refuse":
            raise refusal_of(self.unsupported, self.base.name)


class JobPreparation:
    """Prepares requests, for submits and for estimates."""

    def __init__(
        self, references: References, registry: WorkerRegistry, presets: Presets, *, remote_engines: bool = False
    ) -> None:
        """`remote_engines`: a job's processes may run on other machines than the workers'."""
        self._references, self._registry, self._presets = references, registry, presets
        self._remote_engines = remote_engines

    async def require_dataset(self, project: str, id: str) -> None:
        """Raise UnknownDataset unless the dataset exists."""
        await self._references.published_dataset(project, id, "dataset")

    async def prepare(self, project: str, request: TrainingRequest) -> PreparedJob:
        """Raises UnknownBase, UnknownDataset, UnsuitableDataset, ExceedsMachine or InvalidInput, naming the field."""
        if request.name:
            await require_usable_name(self._references, project, request.name)
        for name in aliases_in(request.after):
            if not await self._references.has_alias(project, name):
                remedy = "POST /aliases creates one; GET /aliases lists those of the project."
                raise InvalidInput(f"There is no alias {name!r} in this project.", field="after", remedy=remedy)
        settings = await self._presets.apply(project, request.preset, request)
        base = await self._references.base_model(project, request.base)
        dataset = await self._references.dataset(project, request.dataset)
        validation = await self._references.validation(project, request.validation, dataset)
        subject = ModelAndData(
            parameters=base.manifest.parameters,
            context_length=base.manifest.context_length,
            rows=sum(dataset.rows[split] for split in dataset.training_splits) if validation else dataset.rows["train"],
            form=dataset.form,
            validation_rows=_validation_rows(dataset, validation),
            row_tokens=_mean_row_tokens(dataset, "train"),
            validation_row_tokens=_mean_row_tokens(validation or dataset, "train" if validation else "validation"),
        )
        own = self._registry.own
        resolved = resolve_settings(settings, subject, own.machine, own.slots)
        check_allocation(resolved.resources, [worker.machine for worker in await self._registry.live_workers()])
        if not self._remote_engines:
            check_process_count(resolved.hyperparameters["processes"], resolved.resources)
            _check_dtype(resolved)
            resolved = resolve_dtype(resolved, subject.parameters, own.machine)
        shown = await self._references.template_features(project, base.manifest)
        missing = find_unsupported(dataset, validation, shown)
        warnings = [*_setting_warnings(settings.given(), subject, resolved)]
        if validation and (validation.dataset_id, validation.version) == (dataset.dataset_id, dataset.version):
            warnings.append(_validation_is_training_data(dataset))
        if settings.early_stopping_patience and not (validation or dataset.rows.get("validation")):
            warnings.append(EARLY_STOPPING)
        if missing:
            skip = resolved.hyperparameters["unsupported_rows"] == "skip"
            warnings.append(warning_of(missing, base.name, skip=skip))
        if shown is None and (unknown := unknown_warning_of(dataset, validation, base.name)):
            warnings.append(unknown)
        return PreparedJob(project, base, dataset, validation, resolved, subject, settings, warnings, missing)


def _validation_rows(dataset: DatasetManifest, validation: DatasetManifest | None) -> int:
    if validation:
        return sum(validation.rows[split] for split in validation.training_splits)
    return dataset.rows.get("validation", 0)


def _mean_row_tokens(dataset: DatasetManifest, split: str) -> float:
    """About how many tokens a row of the split has, from the size of its files; typical where that is unknown."""
    shards = set(dataset.shards.get(split, ()))
    size = sum(file.size for file in dataset.files if file.name in shards)
    return TOKENS_PER_BYTE * size / dataset.rows[split] if size and dataset.rows.get(split) else TYPICAL_ROW_TOKENS


def resolve_dtype(resolved: ResolvedSettings, parameters: int, machine: Machine) -> ResolvedSettings:
    """With `auto` replaced by the dtype for this worker's device, which the engine then uses wherever it runs."""
    if resolved.hyperparameters["dtype"] != "auto":
        return resolved
    gpu = resolved.resources.gpu > 0
    dtype = auto_dtype(parameters, gpu=gpu, bf16=machine.gpu_bf16 if gpu else machine.cpu_bf16)
    return replace(resolved, hyperparameters={**resolved.hyperparameters, "dtype": dtype})


def _check_dtype(resolved: ResolvedSettings) -> None:
    if resolved.hyperparameters["dtype"] == "fp16" and not resolved.resources.gpu:
        raise InvalidInput(
            "fp16 needs a GPU, and the job has none.",
            field="dtype",
            limit=["auto", "fp32", "bf16"],
            remedy="Leave dtype out, or use bf16 or fp32.",
        )


def _validation_is_training_data(dataset: DatasetManifest) -> ReportedWarning:
    return ReportedWarning(
        code="validation_is_training_data",
        detail="The validation dataset is the training dataset: its loss cannot show overfitting, and neither early "
        "stopping nor the best checkpoint means anything.",
        count=sum(dataset.rows[split] for split in dataset.training_splits),
        remedy="Leave validation out to validate on a share of the dataset, or name a dataset with other rows.",
    )


def _setting_warnings(
    given: Mapping[str, Any], subject: ModelAndData, resolved: ResolvedSettings
) -> Iterator[ReportedWarning]:
    """Settings that cannot have the effect that they promise."""
    max_length, context = given.get("max_length"), subject.context_length
    if max_length and context and max_length > context:
        yield ReportedWarning(
            code="max_length_reduced",
            detail=f"max_length is {context} instead of {max_length}: the base model has no longer context.",
            remedy=f"Set max_length to at most {context}, or choose a base model with a longer context.",
        )
    evaluations, max_share = resolved.evaluations, given.get("max_eval_share", MAX_EVAL_SHARE)
    if evaluations and evaluations.share > max_share:
        requested = "eval_every" in given or "eval_rows" in given
        if requested or 2 * subject.parameters * evaluations.tokens >= NOTABLE_OPERATIONS:
            yield large_share_warning(evaluations, max_share, requested=requested)
    warmup, steps = resolved.hyperparameters["warmup_steps"], resolved.total_steps
    if warmup >= steps > 0 and ("warmup_steps" in given or "warmup_ratio" in given):
        yield ReportedWarning(
            code="warmup_not_finished",
            detail=f"The warm-up takes {warmup} steps and the job {steps}: it never reaches its learning rate.",
            remedy="Lower warmup_steps, or train for more steps.",
        )
