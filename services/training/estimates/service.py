"""The use case of estimates: what a job would need before it is queued, and the check at every submit."""

import asyncio
import statistics
from collections.abc import Sequence
from dataclasses import replace

from services.training.errors import DryRunFailed
from services.training.estimates import feasibility
from services.training.estimates.dry_runs import DryRuns
from services.training.estimates.duration import Duration, Throughput, estimate_duration
from services.training.estimates.feasibility import MATMUL_EFFICIENCY, EstimateInputs
from services.training.estimates.lengths import LengthCounter, RowLengths
from services.training.estimates.matmul_throughput import MatmulThroughput
from services.training.estimates.memory import MemoryEstimate
from services.training.estimates.requests import EstimateRequest
from services.training.estimates.views import (
    Estimate,
    Fits,
    LengthsView,
    Measured,
    MemoryParts,
    Times,
)
from services.training.jobs.defaults import ResolvedSettings
from services.training.jobs.preparation import JobPreparation, PreparedJob
from services.training.jobs.vllm_serving import predict_serving
from services.training.references import References, ResolvedBaseModel
from services.training.store import Stores
from services.training.workers.machine_usage import gpus_in_use
from services.training.workers.registry import WorkerRegistry
from shared.blobs.manifests import DatasetManifest
from shared.runtime.errors import AnnealError
from shared.runtime.processes.machine import has_bf16_instructions
from shared.warnings import ReportedWarning

SIMILAR_JOBS = 5
"""Finished jobs on the same base model with the same method whose throughput is used."""


class Estimator:
    """Estimates a request in full, or only refuses what cannot run."""

    def __init__(
        self,
        stores: Stores,
        preparation: JobPreparation,
        references: References,
        registry: WorkerRegistry,
        lengths: LengthCounter,
        dry_runs: DryRuns,
        matmuls: MatmulThroughput,
        *,
        remote_engines: bool = False,
    ) -> None:
        """`remote_engines`: jobs may run on other machines than the workers', whose memory is unknown."""
        self._stores, self._preparation, self._references, self._registry = stores, preparation, references, registry
        self._lengths, self._dry_runs, self._matmuls = lengths, dry_runs, matmuls
        self._remote_engines = remote_engines

    async def admit(self, prepared: PreparedJob) -> PreparedJob:
        """Check a job at submit, without waiting for an engine; settings that the caller left open are made to fit.

        Raises DoesNotFit or UnsuitableDataset.
        """
        prepared, inputs = await self.fitted(prepared)
        if inputs:
            feasibility.refuse_impossible(prepared.resolved, inputs)
        return prepared

    async def fitted(self, prepared: PreparedJob) -> tuple[PreparedJob, EstimateInputs | None]:
        """A job whose open settings fit into memory, as far as is known without an engine, and what was known."""
        lengths = self._lengths.cached(*_counted(prepared))
        inputs = await self._inputs(prepared, lengths)
        return (_fit_to_memory(prepared, inputs), inputs) if inputs else (prepared, None)

    async def estimate(self, project: str, request: EstimateRequest) -> Estimate:
        """Estimate everything that can be known before the job runs; count the rows if they were not counted yet.

        With `dry_run`, a job that cannot fit is refused instead of tried. Raises DryRunFailed.
        """
        prepared = await self._preparation.prepare(project, request.job())
        warnings, lengths = list(prepared.warnings), None
        try:
            lengths = await self._lengths.count(*_counted(prepared))
        except AnnealError as error:
            warnings.append(_warning("rows_not_counted", error.detail, error.remedy))
        if inputs := await self._inputs(prepared, lengths):
            prepared = _fit_to_memory(prepared, inputs)
        warnings += _warnings(prepared, inputs)
        estimate = _view(prepared, inputs, await self._throughput(prepared, inputs), warnings)
        return estimate.model_copy(update={"measured": await self._measure(prepared)}) if request.dry_run else estimate

    async def _measure(self, prepared: PreparedJob) -> Measured:
        prepared = await self.admit(prepared)
        values = prepared.resolved.hyperparameters
        if values["objective"] != "sft" or values["processes"] > 1:
            detail = "Preferences and several processes have no dry run."
            raise DryRunFailed(detail, field="dry_run", limit=False, remedy="Request the estimate without dry_run.")
        return await self._dry_runs.measure(prepared.project, prepared.base, prepared.dataset, prepared.resolved)

    async def _inputs(self, prepared: PreparedJob, lengths: RowLengths | None) -> EstimateInputs | None:
        """None for a base model whose shape is unknown."""
        shape = await self._references.shape(prepared.project, prepared.base.manifest)
        if shape is None:
            return None
        if lengths and (window := prepared.text_window):
            lengths = lengths.in_windows(window)
        return EstimateInputs(
            shape=shape,
            context=prepared.base.manifest.context_length,
            lengths=lengths,
            limit=await self._memory_limit(prepared.resolved),
            fast_bf16=await asyncio.to_thread(has_bf16_instructions),
        )

    async def _memory_limit(self, resolved: ResolvedSettings) -> int | None:
        """Bytes of the largest machine that has the requested resources, or of its GPUs; None where that is unknown."""
        requested = resolved.resources
        if self._remote_engines:
            return None
        if requested.gpu:
            gpus = await asyncio.to_thread(gpus_in_use)
            return round(requested.gpu * max(gpu.memory_gb for gpu in gpus) * 2**30) if gpus else None
        machines = [worker.machine for worker in await self._registry.live_workers()]
        sizes = [machine.memory_gb for machine in machines if machine.missing_resource(requested) is None]
        return round(max(sizes) * 2**30) if sizes else None

    async def _throughput(self, prepared: PreparedJob, inputs: EstimateInputs | None) -> Throughput | None:
        """That of the last similar jobs, else calculated from the cores. None for a GPU, or without engines."""
        objective = prepared.resolved.hyperparameters["objective"]
        where = {
            "state": "succeeded",
            "base_uri": prepared.base.uri,
            "method": prepared.resolved.method,
            "hyperparameters.objective": objective,
        }
        jobs = await self._stores.jobs.for_project(prepared.project).find(
            where, order=(("created_at", -1),), limit=SIMILAR_JOBS
        )
        speeds = [await self._measured_tokens_per_second(job.id) for job in jobs]
        if measured := [speed for speed in speeds if speed]:
            return Throughput(statistics.median(measured), "jobs")
        if inputs is None or prepared.resolved.resources.gpu:
            return None
        return await self._calculated_throughput(prepared.resolved, inputs)

    async def _calculated_throughput(self, resolved: ResolvedSettings, inputs: EstimateInputs) -> Throughput | None:
        dtype = feasibility.choose_dtype(resolved, inputs)
        if dtype not in MATMUL_EFFICIENCY:
            return None
        try:
            per_core = await self._matmuls.per_core(dtype)
        except AnnealError:  # no engine here; a warning already says that the rows could not be counted
            return None
        return Throughput(feasibility.estimate_throughput(resolved, inputs, per_core), "formula")

    async def _measured_tokens_per_second(self, job_id: str) -> float | None:
        speed = (await self._stores.snapshots.get(job_id)).get("metric", {}).get("tokens_per_second")
        return float(speed) if speed else None


def _fit_to_memory(prepared: PreparedJob, inputs: EstimateInputs) -> PreparedJob:
    return replace(prepared, resolved=feasibility.fit_to_memory(prepared.resolved, inputs))


def _counted(prepared: PreparedJob) -> tuple[str, ResolvedBaseModel, DatasetManifest, Sequence[str], bool]:
    """What LengthCounter counts for the job."""
    supervised = prepared.resolved.hyperparameters["objective"] == "sft"
    return prepared.project, prepared.base, prepared.dataset, prepared.training_splits, supervised


def _warning(code: str, detail: str, remedy: str | None) -> ReportedWarning:
    return ReportedWarning(code=code, detail=detail, remedy=remedy)


def _warnings(prepared: PreparedJob, inputs: EstimateInputs | None) -> list[ReportedWarning]:
    """Warnings about the base model, how it will be served, the formula and the rows."""
    resolved = prepared.resolved
    served = predict_serving(resolved.method, resolved.hyperparameters["lora"], prepared.base.manifest.kind)
    warnings = []
    if served.reason:
        detail = f"vLLM cannot serve it as an adapter, so it is merged when it is deployed: {served.reason}."
        warnings.append(_warning("adapter_merged", detail, served.remedy))
    warnings += _base_model_warnings(prepared.base, prepared.dataset.form)
    if inputs is None:
        detail = "The base model was registered before shapes were stored: its memory is unknown, nothing is refused."
        return [*warnings, _warning("shape_unknown", detail, "Delete the base model and register it again.")]
    if case := feasibility.unmeasured_case(resolved, inputs.shape):
        detail = f"The memory estimate {case} was never compared with a measurement; nothing is refused by it."
        warnings.append(_warning("unmeasured", detail, None))
    if isinstance((resolved.hyperparameters["lora"] or {}).get("targets"), list):
        detail = "The estimate is that of all linear layers; whether the model has the lora.targets is not checked."
        remedy = "The job fails at its start if it has none of such a name; it then lists the names."
        warnings.append(_warning("targets_not_estimated", detail, remedy))
    return warnings + _row_warnings(resolved, inputs)


def _base_model_warnings(base: ResolvedBaseModel, form: str) -> list[ReportedWarning]:
    warnings = []
    if base.manifest.has_template is False and form != "text":
        detail = "The base model has no chat template; a plain one is used and delivered with the model."
        remedy = "Choose an instruct version of the base model where there is one."
        warnings.append(_warning("no_template", detail, remedy))
    if base.manifest.ends is False:
        detail = "The base model has no token that ends a turn: the model will not learn to stop."
        warnings.append(_warning("never_ends", detail, "Choose a base model whose tokenizer has an end token."))
    return warnings


def _row_warnings(resolved: ResolvedSettings, inputs: EstimateInputs) -> list[ReportedWarning]:
    if not inputs.lengths:
        return []
    stats, longest = feasibility.truncated_rows(resolved, inputs), feasibility.choose_max_length(resolved, inputs)
    warnings = []
    if inputs.lengths.refused:
        detail = f"The chat template refuses {inputs.lengths.refused} of {inputs.lengths.counted} rows."
        warnings.append(_warning("rows_refused", detail, "Correct them, or choose another base model."))
    if stats.untrained:
        detail = f"{stats.untrained:.1%} of the rows have no token to learn within {longest} and are skipped."
        remedy = "Raise max_length, or check their last turns."
        warnings.append(_warning("rows_without_trained_token", detail, remedy))
    if stats.truncated:
        detail = f"{stats.truncated:.1%} of the rows are cut to {longest} tokens and do not show how an answer ends."
        warnings.append(_warning("rows_truncated", detail, "Raise max_length."))
    return warnings


def _view(
    prepared: PreparedJob,
    inputs: EstimateInputs | None,
    throughput: Throughput | None,
    warnings: list[ReportedWarning],
) -> Estimate:
    resolved = prepared.resolved
    memory = feasibility.job_memory(resolved, inputs) if inputs else None
    verdict = feasibility.judge(resolved, inputs) if inputs else "unknown"
    short = inputs is not None and verdict in ("tight", "does_not_fit")
    alternatives = feasibility.find_alternatives(resolved, inputs) if inputs and short else []
    tokens = feasibility.count_tokens(resolved, inputs) if inputs else None
    duration = estimate_duration(resolved, inputs, throughput) if inputs and throughput else None
    return Estimate(
        base=prepared.base.reference,
        method=resolved.method,
        verdict=verdict,
        parameters=prepared.base.manifest.parameters,
        trainable_parameters=feasibility.trainable_parameters(resolved, inputs) if inputs else None,
        dtype=feasibility.choose_dtype(resolved, inputs) if inputs else None,
        memory=_parts(memory) if memory else None,
        total=feasibility.total_bytes(resolved, inputs) if inputs else None,
        loading=memory.loading + feasibility.LIBRARIES_BYTES if memory else None,
        limit=inputs.limit if inputs else None,
        fitting=[Fits(changes=each.changes, total=each.total) for each in alternatives],
        steps=resolved.total_steps,
        tokens=tokens,
        tokens_per_second=round(throughput.tokens_per_second, 1) if throughput else None,
        pace=throughput.source if throughput else None,
        seconds=round(duration.total, 1) if duration else None,
        times=_times(duration) if duration else None,
        lengths=_lengths(resolved, inputs) if inputs and inputs.lengths else None,
        hyperparameters={"method": resolved.method, **resolved.hyperparameters},
        measured=None,
        warnings=warnings,
    )


def _times(duration: Duration) -> Times:
    return Times(**{part: round(seconds, 1) for part, seconds in vars(duration).items()})


def _parts(memory: MemoryEstimate) -> MemoryParts:
    parts = {part: size for part, size in vars(memory).items() if part != "loading"}
    return MemoryParts(**parts, libraries=feasibility.LIBRARIES_BYTES)


def _lengths(resolved: ResolvedSettings, inputs: EstimateInputs) -> LengthsView:
    assert inputs.lengths
    stats = feasibility.truncated_rows(resolved, inputs)
    return LengthsView(
        counted=inputs.lengths.counted,
        max_length=feasibility.choose_max_length(resolved, inputs),
        mean=round(stats.mean, 1),
        longest=stats.longest,
        trained_share=round(stats.trained, 4),
        truncated_share=round(stats.truncated, 4),
        untrained_share=round(stats.untrained, 4),
    )
