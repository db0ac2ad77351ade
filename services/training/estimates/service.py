"""Preflight: what a request would need, told before anything is queued, and refused where it cannot fit."""

import asyncio
import statistics
from dataclasses import replace

from services.training.errors import DryRunFailed
from services.training.estimates import preflight
from services.training.estimates.dry_runs import DryRuns
from services.training.estimates.lengths import LengthCounts, Lengths
from services.training.estimates.memory import Memory
from services.training.estimates.preflight import TRAINING, Subject
from services.training.estimates.rates import Rates
from services.training.estimates.requests import EstimateRequest
from services.training.estimates.views import Estimate, Fits, LengthsView, Measured, MemoryParts, Pace, Warned
from services.training.jobs.defaults import Resolved
from services.training.jobs.preparation import JobPreparation, PreparedJob
from services.training.jobs.servability import serving
from services.training.references import References
from services.training.store import Stores
from services.training.workers.machine_usage import gpus_in_use
from services.training.workers.registry import Workers
from shared.runtime.errors import AnnealError
from shared.runtime.processes.machine import has_bf16_instructions

LIKE_IT = 5
"""Finished jobs on the same base with the same method that the pace is taken from."""


class Estimator:
    """Estimates a request in full, or just refuses the impossible."""

    def __init__(
        self,
        stores: Stores,
        preparation: JobPreparation,
        references: References,
        workers: Workers,
        counts: LengthCounts,
        trials: DryRuns,
        rates: Rates,
        *,
        remote_engines: bool = False,
    ) -> None:
        """`remote_engines`: jobs may run on other machines than the workers', whose memory is not known."""
        self._stores, self._preparation, self._references, self._workers = stores, preparation, references, workers
        self._counts, self._trials, self._rates, self._remote_engines = counts, trials, rates, remote_engines

    async def admit(self, prepared: PreparedJob) -> PreparedJob:
        """At every submit, without asking an engine: the request so that it fits, where that was left to us.

        Raises DoesNotFit or UnsuitableDataset.
        """
        lengths = self._counts.known(prepared.project, prepared.base, prepared.dataset)
        if subject := await self._subject(prepared, lengths):
            prepared = _fitted(prepared, subject)
            preflight.refuse(prepared.resolved, subject)
        return prepared

    async def estimate(self, project: str, request: EstimateRequest) -> Estimate:
        """Everything that can be told before the job runs; the rows are counted if they were not yet.

        With `dry_run`, what cannot fit is refused instead of tried. Raises DryRunFailed.
        """
        prepared = await self._preparation.prepare(project, request.job())
        warnings, lengths = [], None
        try:
            lengths = await self._counts.count(prepared.project, prepared.base, prepared.dataset)
        except AnnealError as error:
            warnings.append(Warned("rows_not_counted", error.detail, error.remedy))
        if subject := await self._subject(prepared, lengths):
            prepared = _fitted(prepared, subject)
        warnings += _warnings(prepared, subject)
        found = _view(prepared, subject, await self._pace(prepared, subject), warnings)
        return found.model_copy(update={"measured": await self._tried(prepared)}) if request.dry_run else found

    async def _tried(self, prepared: PreparedJob) -> Measured:
        prepared = await self.admit(prepared)
        values = prepared.resolved.hyperparameters
        if values["objective"] == "dpo" or values["processes"] > 1:
            detail = "Preference pairs and several processes cannot be tried."
            raise DryRunFailed(detail, field="dry_run", limit=False, remedy="Ask for the estimate without dry_run.")
        return await self._trials.measure(prepared.project, prepared.base, prepared.dataset, prepared.resolved)

    async def _subject(self, prepared: PreparedJob, lengths: Lengths | None) -> Subject | None:
        """None for a base whose shape is not known."""
        shape = await self._references.shape(prepared.project, prepared.base.manifest)
        if shape is None:
            return None
        return Subject(
            shape=shape,
            context=prepared.base.manifest.context_length,
            lengths=lengths,
            limit=await self._limit(prepared.resolved),
            fast_bf16=await asyncio.to_thread(has_bf16_instructions),
        )

    async def _limit(self, resolved: Resolved) -> int | None:
        """Bytes of the largest machine that has what is asked: of its GPUs, if it is to run there; None: not known."""
        asked = resolved.resources
        if self._remote_engines:
            return None
        if asked.gpu:
            found = await asyncio.to_thread(gpus_in_use)
            return round(asked.gpu * max(gpu.memory_gb for gpu in found) * 2**30) if found else None
        sizes = [site.machine.memory_gb for site in await self._workers.sites() if site.machine.lacks(asked) is None]
        return round(max(sizes) * 2**30) if sizes else None

    async def _pace(self, prepared: PreparedJob, subject: Subject | None) -> Pace | None:
        """Tokens per second of the last jobs like it; else by the cores. None for a GPU, or without engines."""
        where = {"state": "succeeded", "base_uri": prepared.base.uri, "method": prepared.resolved.method}
        jobs = await self._stores.jobs.for_project(prepared.project).find(
            where, order=(("created_at", -1),), limit=LIKE_IT
        )
        speeds = [await self._speed(job.id) for job in jobs]
        if known := [speed for speed in speeds if speed]:
            return Pace(statistics.median(known), "jobs")
        if subject is None or prepared.resolved.resources.gpu:
            return None
        return await self._formula(prepared.resolved, subject)

    async def _formula(self, resolved: Resolved, subject: Subject) -> Pace | None:
        dtype = preflight.dtype_of(resolved, subject)
        if dtype not in TRAINING:
            return None
        try:
            return Pace(preflight.expected_pace(resolved, subject, await self._rates.of(dtype)), "formula")
        except AnnealError:  # no engine here; that the rows could not be counted is told already
            return None

    async def _speed(self, job_id: str) -> float | None:
        speed = (await self._stores.snapshots.get(job_id)).get("metric", {}).get("tokens_per_second")
        return float(speed) if speed else None


def _fitted(prepared: PreparedJob, subject: Subject) -> PreparedJob:
    return replace(prepared, resolved=preflight.fitted(prepared.resolved, subject))


def _warnings(prepared: PreparedJob, subject: Subject | None) -> list[Warned]:
    """What will work, and perhaps not as hoped."""
    found, manifest, resolved = [], prepared.base.manifest, prepared.resolved
    served = serving(resolved.method, resolved.hyperparameters["lora"], manifest.kind)
    if served.reason:
        detail = f"vLLM cannot serve it as an adapter, and it is merged when it is deployed: {served.reason}."
        found.append(Warned("adapter_merged", detail, served.remedy))
    if manifest.has_template is False and prepared.dataset.form != "text":
        detail = "The base has no chat template; a plain one is used, and travels with the model."
        found.append(Warned("no_template", detail, "Choose an instruct version of the base where there is one."))
    if manifest.ends is False:
        detail = "The base has no token that ends a turn: the model will not learn to stop."
        found.append(Warned("never_ends", detail, "Choose a base whose tokenizer has an end token."))
    if subject is None:
        detail = "The base was registered before shapes were kept: its memory is unknown, and nothing is refused."
        return [*found, Warned("shape_unknown", detail, "Delete the base and register it again.")]
    if where := preflight.why_unmeasured(resolved):
        found.append(Warned("unmeasured", f"What it takes {where} was never measured; nothing is refused by it.", None))
    return found + _about_rows(resolved, subject)


def _about_rows(resolved: Resolved, subject: Subject) -> list[Warned]:
    if not subject.lengths:
        return []
    cut, longest = preflight.rows_within(resolved, subject), preflight.max_length_of(resolved, subject)
    found = []
    if subject.lengths.refused:
        detail = f"{subject.lengths.refused} of {subject.lengths.counted} rows are refused by the chat template."
        found.append(Warned("rows_refused", detail, "Correct them, or choose another base."))
    if cut.untrained:
        detail = f"{cut.untrained:.1%} of the rows have no token to learn within {longest} and are set aside."
        found.append(Warned("rows_without_trained_token", detail, "Raise max_length, or check their last turns."))
    if cut.truncated:
        detail = f"{cut.truncated:.1%} of the rows are cut to {longest} tokens and do not show how an answer ends."
        found.append(Warned("rows_truncated", detail, "Raise max_length."))
    return found


def _view(prepared: PreparedJob, subject: Subject | None, pace: Pace | None, warnings: list[Warned]) -> Estimate:
    resolved = prepared.resolved
    memory = preflight.memory_of(resolved, subject) if subject else None
    verdict = preflight.verdict_of(resolved, subject) if subject else "unknown"
    fitting = preflight.what_would_fit(resolved, subject) if subject and verdict in ("tight", "does_not_fit") else []
    tokens = preflight.tokens_of(resolved, subject) if subject else None
    return Estimate(
        base=prepared.base.name,
        method=resolved.method,
        verdict=verdict,
        parameters=prepared.base.manifest.parameters,
        trainable_parameters=preflight.trainable_of(resolved, subject) if subject else None,
        dtype=preflight.dtype_of(resolved, subject) if subject else None,
        memory=_parts(memory) if memory else None,
        total=preflight.total_of(resolved, subject) if subject else None,
        loading=memory.loading + preflight.LIBRARIES if memory else None,
        limit=subject.limit if subject else None,
        fitting=[Fits(changes=fit.changes, total=fit.total) for fit in fitting],
        steps=resolved.total_steps,
        tokens=tokens,
        tokens_per_second=round(pace.tokens_per_second, 1) if pace else None,
        pace=pace.source if pace else None,
        seconds=_seconds(tokens, resolved.total_steps, pace) if pace and tokens else None,
        lengths=_lengths(resolved, subject) if subject and subject.lengths else None,
        hyperparameters={"method": resolved.method, **resolved.hyperparameters},
        measured=None,
        warnings=[warned.view() for warned in warnings],
    )


def _seconds(tokens: int, steps: int, pace: Pace) -> float:
    """By the formula every step has a cost of its own; measured paces have it in them."""
    return round(tokens / pace.tokens_per_second + (steps * preflight.STEP if pace.source == "formula" else 0), 1)


def _parts(memory: Memory) -> MemoryParts:
    parts = {part: size for part, size in vars(memory).items() if part != "loading"}
    return MemoryParts(**parts, libraries=preflight.LIBRARIES)


def _lengths(resolved: Resolved, subject: Subject) -> LengthsView:
    assert subject.lengths
    cut = preflight.rows_within(resolved, subject)
    return LengthsView(
        counted=subject.lengths.counted,
        max_length=preflight.max_length_of(resolved, subject),
        mean=round(cut.mean, 1),
        longest=cut.longest,
        trained_share=round(cut.trained, 4),
        truncated_share=round(cut.truncated, 4),
        untrained_share=round(cut.untrained, 4),
    )
