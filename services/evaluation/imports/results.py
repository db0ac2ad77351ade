"""The results_*.json of lm-eval: what it reports of a task, and how it was run."""

import json
from pathlib import Path
from typing import Any

from pydantic import BaseModel, Field, ValidationError

from services.evaluation.errors import UnreadableImport
from services.evaluation.models import Imported

RERUN = "Give the results_*.json that lm-eval 0.4.3 or later writes with --output_path."


class Results(BaseModel):
    """The parts that are used."""

    results: dict[str, dict[str, Any]]
    configs: dict[str, dict[str, Any]]
    group_subtasks: dict[str, list[str]] = {}
    versions: dict[str, Any] = {}
    num_fewshot: dict[str, int | None] = Field(default={}, alias="n-shot")
    higher_is_better: dict[str, dict[str, bool | None]] = {}
    rows: dict[str, dict[str, int]] = Field(default={}, alias="n-samples")
    config: dict[str, Any] = {}
    task_hashes: dict[str, str] = {}
    lm_eval_version: str = Field(default="", max_length=100)
    model_name: str | None = None

    @property
    def model(self) -> str:
        """The model that was evaluated, as lm-eval was told to ask for it."""
        given = self.config.get("model_args") or {}
        if isinstance(given, str):  # before 0.4.10
            given = dict(pair.split("=", 1) for pair in given.split(",") if "=" in pair)
        named = given.get("model") or given.get("pretrained") if isinstance(given, dict) else None
        return str(named or self.model_name or "")[:500]

    def imported(self, task: str, generation: str) -> Imported:
        """What marks the evaluation of a task."""
        version = self.versions.get(task)
        return Imported(
            source="lm-eval",
            version=self.lm_eval_version,
            task=task,
            task_version=None if version is None else str(version)[:100],
            task_hash=self.task_hashes[task],
            num_fewshot=self.num_fewshot.get(task),
            model=self.model,
            generation=generation,
        )

    def split(self, task: str) -> str:
        """The split that lm-eval scored: the first that its task names."""
        config = self.configs[task]
        return str(next((name for kind in SPLITS if (name := config.get(kind))), ""))[:64]

    def reported(self, task: str) -> dict[tuple[str, str], Any]:
        """(metric, filter) -> the score as lm-eval reports it."""
        pairs = {tuple(name.rsplit(",", 1)): value for name, value in self.results[task].items() if "," in name}
        return {(metric, filter): value for (metric, filter), value in pairs.items() if not metric.endswith("_stderr")}


SPLITS = ("test_split", "validation_split", "training_split")


def read_results(path: Path, task: str) -> Results:
    """Read the file. Raises UnreadableImport for another file, or one without this task's results and hash."""
    try:
        found = Results.model_validate(json.loads(path.read_bytes()))
    except (ValueError, RecursionError) as error:
        reason = (
            "it is no JSON"
            if not isinstance(error, ValidationError)
            else "results or configs are missing or of another form"
        )
        detail = f"The results are not those of lm-eval: {reason}."
        raise UnreadableImport(detail, field="results", remedy=RERUN) from error
    if task in found.group_subtasks and task not in found.configs:
        detail, remedy = f"{task} is a group, which has no samples of its own.", "Import its tasks."
        raise UnreadableImport(detail, field="task", limit=found.group_subtasks[task], remedy=remedy)
    if task not in found.results or task not in found.configs:
        detail, known = f"The results have no task {task!r}.", sorted(found.configs.keys() & found.results.keys())
        raise UnreadableImport(
            detail, field="task", limit=known, remedy=f"Use one of {', '.join(known)}." if known else RERUN
        )
    if task not in found.task_hashes:
        detail = f"The results have no hash of {task}, so nothing shows that the samples are theirs."
        raise UnreadableImport(
            detail, field="results", remedy="Run lm-eval with --log_samples, in version 0.4.3 or later."
        )
    return found
