"""Tries a grader on one answer, in the same engine that grades the rows of runs."""

import asyncio
import json
import shutil
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from services.evaluation.errors import GraderFailed, Unsupported
from services.evaluation.evals.asking import Asking
from services.evaluation.evals.inference import Inference
from services.evaluation.evals.models import PinnedModel, labelled
from services.evaluation.evals.runner import ENGINE, FOLDER, model_specs, packages
from services.evaluation.evals.service import EvalService
from services.evaluation.graders.definitions import Python
from shared.blobs.artifacts import weights_size
from shared.documents.entities import new_id
from shared.runtime.processes.children import Child
from shared.runtime.processes.limits import Limits
from shared.runtime.processes.turns import Turns
from shared.runtime.processes.watchdog import watched
from shared.runtime.resources import Resources

CPU_S = 60
"""Seconds of CPU time of a grader that asks no model."""
LIMIT_S = 300.0
"""Seconds that a grader may take, loading its models included, which the caller waits for."""
MAX_CONCURRENT = 2
OTHERS = ["string_check", "text_similarity", "label_model", "score_model", "multi"]
TRIAL = Python(type="python", name="trial", source="def grade(sample, item):\n    return 1.0\n")


def runs_python(definition: Mapping[str, Any]) -> bool:
    """Whether a grader, or one of a multi grader's, runs Python."""
    return any(part["type"] == "python" for part in (definition, *definition.get("graders", {}).values()))


@dataclass(frozen=True)
class GraderRuns:
    """Runs graders, a few at a time; others wait."""

    resources: Resources
    evals: EvalService
    inference: Inference
    confined: list[bool] = field(default_factory=list)
    """Not empty once a trial has shown that this machine confines Python graders."""
    slots: Turns = field(default_factory=lambda: Turns(MAX_CONCURRENT))

    async def require_python(self, definitions: Mapping[str, Any]) -> None:
        """Raise Unsupported for Python where it is not allowed or this machine cannot confine it; by field."""
        place = next((place for place, definition in definitions.items() if runs_python(definition)), None)
        if place is None:
            return
        if not self.resources.settings.python_graders:
            remedy = "Use another grader, or ask the operator to set ANNEAL_PYTHON_GRADERS=true."
            detail = "Graders that run Python are not allowed on this platform."
            raise Unsupported(detail, field=f"{place}.type", limit=OTHERS, remedy=remedy)
        if not self.confined:
            result, _ = await self.run("", TRIAL, {}, "")
            if "error" in result:
                detail, remedy = result["error"]["message"], "Use another grader."
                raise Unsupported(detail, field=f"{place}.type", limit=OTHERS, remedy=remedy)
            self.confined.append(True)

    async def require_models(self, project: str, grader: Any) -> dict[str, PinnedModel]:
        """The models that the grader asks, pinned. Raises UnknownModel."""
        return await self.evals.pin(project, dict.fromkeys(grader.models, "grader.model"))

    async def run(self, project: str, grader: Any, item: dict[str, Any], answer: str) -> tuple[dict[str, Any], float]:
        """Result and seconds. Raises UnknownModel or GraderFailed."""
        models = await self.require_models(project, grader)
        async with self.slots.place(project):
            started, folder = time.monotonic(), self.resources.scratch / FOLDER / new_id("grader")
            folder.mkdir(parents=True)
            try:
                row = {"index": 0, "item": item, "output_text": answer, "done": [], "failed": False}
                (folder / "items.jsonl").write_text(json.dumps(row), "utf-8")
                spec = {
                    "items": str(folder / "items.jsonl"),
                    "criteria": [grader.model_dump(mode="json", exclude_unset=True)],
                    "sampling": None,
                    "python": self.resources.settings.python_graders,
                }
                async with asyncio.timeout(LIMIT_S):
                    return await self._grade(project, spec, models, folder), time.monotonic() - started
            except TimeoutError as error:
                raise GraderFailed("The grader did not end.", limit=LIMIT_S, remedy="Use a smaller model.") from error
            finally:
                await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)

    async def _grade(
        self, project: str, spec: dict[str, Any], models: dict[str, PinnedModel], folder: Path
    ) -> dict[str, Any]:
        """The result of the one row, by another engine for each model that inference does not serve."""
        reachable = self.inference.reachable
        served = set(models) if reachable else set[str]()
        loaded = labelled(spec["criteria"]) if reachable else set(models)
        while True:
            specs = await model_specs(self.resources.blobs, project, models, loaded)
            limits = Limits(cpu_s=None if models else CPU_S)
            child = await self.resources.engines.launch(
                ENGINE,
                {**spec, "models": specs, "served": sorted(served)},
                cwd=folder,
                requires=packages(specs),
                limits=limits,
            )
            async with Asking(self.inference, project, models, child).open() as asking:
                result = await _result(child, sum(weights_size(model["ref"]) for model in specs.values()), asking)
            if "not_served" not in result:
                return result
            served -= {result["not_served"]}
            loaded |= {result["not_served"]}


async def _result(child: Child, size: int, asking: Asking) -> dict[str, Any]:
    """The one result that the engine sends, or the model that is not served. Raises GraderFailed."""
    ended: dict[str, Any] = {}

    async def on_message(message: dict[str, Any]) -> None:
        if message["kind"] == "graded":
            ended.update(message["results"][0])
        elif message["kind"] == "result" and "not_served" in message:
            ended.update(message)
        elif message["kind"] == "failed":
            raise GraderFailed(message["detail"], remedy="Send less text, or use a smaller model.")

    handle = asking.before(on_message)
    try:
        async for message in watched(child, size):
            await handle(message)
            if ended:
                return ended
    finally:
        await child.kill()
    raise GraderFailed("The engine ended without a result.", remedy="Send less text, or use a smaller model.")
