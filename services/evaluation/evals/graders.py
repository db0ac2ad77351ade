"""Tries a grader on one answer, in the same engine that grades the rows of runs."""

import asyncio
import json
import shutil
import time
from dataclasses import dataclass, field
from typing import Any

from services.evaluation.errors import GraderFailed
from services.evaluation.evals.runner import ENGINE, FOLDER, model_specs, packages
from services.evaluation.evals.service import EvalService
from shared.blobs.artifacts import weights_size
from shared.documents.entities import new_id
from shared.runtime.processes.children import Child
from shared.runtime.processes.limits import Limits
from shared.runtime.processes.watchdog import watched
from shared.runtime.resources import Resources

CPU_S = 60
"""Seconds of CPU time of a grader that asks no model."""
LIMIT_S = 300.0
"""Seconds that a grader may take, loading its models included, which the caller waits for."""
MAX_CONCURRENT = 2


@dataclass(frozen=True)
class GraderRuns:
    """Runs graders, a few at a time; others wait."""

    resources: Resources
    evals: EvalService
    slots: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(MAX_CONCURRENT))

    async def require_models(self, project: str, grader: Any) -> dict[str, Any]:
        """The models that the grader asks, pinned. Raises UnknownModel."""
        return await self.evals.pin(project, dict.fromkeys(grader.models, "grader.model"))

    async def run(self, project: str, grader: Any, item: dict[str, Any], answer: str) -> tuple[dict[str, Any], float]:
        """Result and seconds. Raises UnknownModel or GraderFailed."""
        models = await self.require_models(project, grader)
        async with self.slots:
            started, folder = time.monotonic(), self.resources.scratch / FOLDER / new_id("grader")
            folder.mkdir(parents=True)
            try:
                row = {"index": 0, "item": item, "output_text": answer, "done": [], "failed": False}
                (folder / "items.jsonl").write_text(json.dumps(row), "utf-8")
                specs = await model_specs(self.resources.blobs, project, models)
                spec = {
                    "items": str(folder / "items.jsonl"),
                    "criteria": [grader.model_dump(mode="json", exclude_unset=True)],
                    "models": specs,
                    "sampling": None,
                }
                limits = Limits(cpu_s=None if models else CPU_S)
                child = await self.resources.engines.launch(
                    ENGINE, spec, cwd=folder, requires=packages(models), limits=limits
                )
                size = sum(weights_size(model["ref"]) for model in specs.values())
                return await _result(child, size), time.monotonic() - started
            finally:
                await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)


async def _result(child: Child, size: int) -> dict[str, Any]:
    """The one result that the engine sends. Raises GraderFailed."""
    failure = "The engine ended without a result."
    try:
        async with asyncio.timeout(LIMIT_S):
            async for message in watched(child, size):
                if message["kind"] == "graded":
                    found: dict[str, Any] = message["results"][0]
                    return found
                failure = message["detail"] if message["kind"] == "failed" else failure
    except TimeoutError as error:
        raise GraderFailed("The grader did not end.", limit=LIMIT_S, remedy="Use a smaller model.") from error
    finally:
        await child.kill()
    raise GraderFailed(failure, remedy="Send less text, or use a smaller model.")
