"""One attempt at a run: stores its rows, runs the engine on those that are not done, and keeps each result it sends."""

import asyncio
import json
import shutil
import time
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from services.evaluation.evals.asking import AskEndpoint, Asking
from services.evaluation.evals.endpoint import Endpoints
from services.evaluation.evals.inference import Inference
from services.evaluation.evals.models import EndpointFailed, EvalRun, OutputItem, PinnedModel, Tally, count
from services.evaluation.evals.sampling import sampling_of
from services.evaluation.evals.sources import given_sample, pending, read_rows, sample_record
from services.evaluation.evals.store import OutputItems, Stores
from shared.blobs.artifacts import resolve_model, weights_size
from shared.blobs.protocol import Blobs
from shared.documents.entities import derived_id
from shared.runtime.errors import NotFound
from shared.runtime.jobs.engine_runs import run_to_result
from shared.runtime.jobs.leases import Lease
from shared.runtime.jobs.uses import Uses
from shared.runtime.jobs.worker import Slots
from shared.runtime.resources import Resources

FOLDER = "evals"
"""In the scratch folder; holds a folder per attempt, deleted with it."""
ENGINE = "services.evaluation.engine.grade:main"
TEXT_PACKAGES = ("sacrebleu", "rapidfuzz", "regex")
MODEL_PACKAGES = ("torch", "transformers", "peft")
RECORD_INTERVAL_S = 1.0
MAX_SERVED_RUNS = 8
"""Runs that wait for the answers of inference, which batches those over one base model."""


def packages(models: Any) -> tuple[str, ...]:
    """What the engine needs: torch only where a model is asked."""
    return TEXT_PACKAGES + (MODEL_PACKAGES if models else ())


async def model_specs(
    blobs: Blobs, project: str, models: Mapping[str, PinnedModel], loaded: Collection[str]
) -> dict[str, dict[str, Any]]:
    """The engine's references of the models that it loads by name, as local folders."""
    return {
        name: {
            "ref": await resolve_model(blobs, models[name].uri, project),
            "template_hash": models[name].template_hash,
        }
        for name in sorted(loaded)
    }


@dataclass(frozen=True)
class RunSlots:
    """MAX_SERVED_RUNS, all but one of the same project; and one whose engine computes, on all cores or the GPU."""

    inference: Inference

    def fits(self, work: EvalRun, running: Sequence[EvalRun]) -> bool:
        """Whether there is room beside the running ones."""
        fits = Slots(MAX_SERVED_RUNS).fits(work, running)
        return fits and not (self._computes(work) and any(map(self._computes, running)))

    def _computes(self, run: EvalRun) -> bool:
        if run.endpoint:
            return False
        return not run.models or bool(run.loaded_models(reachable=self.inference.reachable))


@dataclass(frozen=True)
class Runner:
    """Runs what the worker claims. Rows that an earlier attempt graded are kept, and not graded again."""

    resources: Resources
    stores: Stores
    uses: Uses[EvalRun]
    inference: Inference
    endpoints: Endpoints

    async def run(self, run: EvalRun, lease: Lease[EvalRun]) -> None:
        """Answer and grade in a child process, unless the lease is lost or the run is cancelled."""
        folder = self.resources.scratch / FOLDER / f"{run.id}-t{lease.token}"
        folder.mkdir(parents=True)
        try:
            await self.uses.add(run)
            recorder = _Recorder(run, lease, self.stores.items, await self._rows(run))
            spec = await self._spec(run, recorder.rows, folder)
            child = await self.resources.engines.launch(ENGINE, spec, cwd=folder, requires=packages(spec["models"]))
            size = sum(weights_size(model["ref"]) for model in spec["models"].values())
            endpoint = self._endpoint(run)
            async with Asking(self.inference, run.project, run.models, child, endpoint).open() as asking:
                result = await run_to_result(child, lease, asking.before(recorder.on_message), size)
            if result is not None and (model := result.get("not_served")):
                await lease.change(lambda r: r.load_here(model))
            elif result is not None:
                await self.uses.remove(run)
                await lease.change(lambda r: r.succeed(recorder.tally))
            elif not lease.lost:
                with suppress(NotFound):  # its owner has deleted it already
                    await self.stores.runs.change(run.id, lambda r: r.record(recorder.tally))
        except EndpointFailed as error:
            failure, tally = error, recorder.tally
            await lease.change(lambda r: r.lose_endpoint(failure, tally))
        finally:
            await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)

    def _endpoint(self, run: EvalRun) -> AskEndpoint | None:
        """Asks the endpoint of the run, if it has one. Raises SecretUnreadable."""
        if (endpoint := run.endpoint) is None:
            return None
        sealed = endpoint.secret
        key = self.resources.keyring.decrypt("evaluation", run.id, sealed) if sealed else None
        return lambda messages, sampling: self.endpoints.answer(endpoint, key, messages, sampling)

    async def _rows(self, run: EvalRun) -> list[OutputItem]:
        """The rows of the run in order; those that no earlier attempt has stored are stored now."""
        stored = {item.number: item for item in await self.stores.items.find({"run_id": run.id})}
        rows = []
        for number, (item, sample) in enumerate(await read_rows(self.resources.blobs, run)):
            row = stored.get(number) or await self.stores.items.create(
                OutputItem(
                    id=derived_id("outputitem", run.id, str(number)),
                    project=run.project,
                    created_at=run.created_at + timedelta(microseconds=number),  # so that lists keep their order
                    eval_id=run.eval_id,
                    run_id=run.id,
                    number=number,
                    item=item,
                    sample=given_sample(run, sample),
                )
            )
            rows.append(row)
        return rows

    async def _spec(self, run: EvalRun, rows: list[OutputItem], folder: Path) -> dict[str, Any]:
        """The engine's spec: local paths and plain values, no URIs."""
        lines = [json.dumps(row, ensure_ascii=False) + "\n" for row in pending(rows)]
        await asyncio.to_thread((folder / "items.jsonl").write_text, "".join(lines), "utf-8")
        loaded = run.loaded_models(reachable=self.inference.reachable)
        return {
            "items": str(folder / "items.jsonl"),
            "criteria": run.criteria,
            "models": await model_specs(self.resources.blobs, run.project, run.models, loaded),
            "served": run.served_models(reachable=self.inference.reachable),
            "sampling": sampling_of(run.data_source),
            "python": self.resources.settings.python_graders,
        }


@dataclass
class _Recorder:
    """Keeps what the engine sends: at once in the row, and counted in the run once per RECORD_INTERVAL_S."""

    run: EvalRun
    lease: Lease[EvalRun]
    items: OutputItems
    rows: list[OutputItem]
    recorded_at: float = field(default=0.0)

    @property
    def tally(self) -> Tally:
        """The results so far."""
        return count(self.run, self.rows)

    async def on_message(self, message: dict[str, Any]) -> None:
        """Handle an engine message; only answers and results are used."""
        if message["kind"] not in ("sampled", "graded"):
            return
        row = self.rows[message["index"]]
        if message["kind"] == "sampled":
            sample = self._sample(message)
            changed = await self.items.change(row.id, lambda item: item.answer(sample))
        else:
            results = message["results"]
            changed = await self.items.change(row.id, lambda item: item.grade(results, self.run.criterion_names))
        self.rows[message["index"]] = changed
        if time.monotonic() - self.recorded_at >= RECORD_INTERVAL_S:
            self.recorded_at, tally = time.monotonic(), self.tally
            await self.lease.change(lambda run: run.record(tally))

    def _sample(self, message: dict[str, Any]) -> dict[str, Any]:
        answer, sampling = message["answer"], sampling_of(self.run.data_source)
        assert sampling
        parameters = dict(sampling["parameters"])
        return sample_record(
            [{"role": each["role"], "content": each["content"]} for each in message["input"]],
            answer["text"],
            answer["finish_reason"],
            usage=answer["usage"],
            model=self.run.model,
            error=answer["error"],
            answered_by=answer["answered_by"],
            max_completion_tokens=parameters.pop("max_tokens"),
            **parameters,
        )
