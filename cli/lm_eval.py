"""Finds what lm-eval wrote: the results of a run, the samples of each of its tasks, and what cannot be imported."""

import json
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cli.client import Client
from cli.errors import CommandError
from cli.openai_evals import Problem
from cli.resources import everything

RESULTS = re.compile(r".+_(\d{4}-\d\d-\d\dT[\d.-]+)\.json")
"""The time of a run is in the names of all its files."""
LOG_SAMPLES = "Run lm-eval with --log_samples."


@dataclass(frozen=True)
class Run:
    """A run of lm-eval: its results, and the samples by task."""

    file: Path
    results: dict[str, Any]
    samples: dict[str, Path]

    @property
    def model(self) -> str:
        """What lm-eval called the model; empty if it does not say."""
        given = (self.results.get("config") or {}).get("model_args") or {}
        if isinstance(given, str):  # before 0.4.10
            given = dict(pair.split("=", 1) for pair in given.split(",") if "=" in pair)
        return str(given.get("model") or given.get("pretrained") or self.results.get("model_name") or "")

    def problems(self, requested: Collection[str] | None = None) -> Iterator[Problem]:
        """What is not imported of the requested tasks, or of all and their groups."""
        for group, tasks in (self.results.get("group_subtasks") or {}).items():
            if group not in self.results["configs"] and not requested:
                detail = f"It is a group; its scores are those of its tasks: {', '.join(tasks)}."
                yield Problem(f"group {group}", detail)
        for task in self.results["configs"]:
            if task not in self.samples and (not requested or task in requested):
                yield Problem(f"task {task}", f"There is no samples_{task}_*.jsonl of this run.", LOG_SAMPLES)


def read_run(path: Path) -> Run:
    """The run in a results file, or in the only one below a folder. Raises CommandError."""
    file = _results_file(path)
    try:
        results = json.loads(file.read_text("utf-8"))
    except OSError as error:
        raise CommandError(f"{file} cannot be read: {error.strerror}. Nothing was imported.") from None
    except (ValueError, RecursionError) as error:
        raise CommandError(f"{file} cannot be read as JSON: {error}. Nothing was imported.") from None
    if not isinstance(results, dict) or not all(isinstance(results.get(part), dict) for part in ("results", "configs")):
        raise CommandError(f"{file} has no results of lm-eval. Give the results_*.json that it writes.")
    dated = RESULTS.fullmatch(file.name)
    if not dated:
        raise CommandError(f"{file.name} lacks the time of the run, by which its samples are found. Restore its name.")
    beside = {task: file.with_name(f"samples_{task}_{dated[1]}.jsonl") for task in results["configs"]}
    return Run(file, results, {task: samples for task, samples in beside.items() if samples.is_file()})


def _results_file(path: Path) -> Path:
    if not path.is_dir():
        return path
    found = sorted(path.rglob("results_*.json"))
    if len(found) != 1:
        listed = "".join(f"\n  {file}" for file in found[:10])
        remedy = f"Name one:{listed}" if found else "Give what lm-eval wrote with --output_path."
        raise CommandError(f"{path} has {len(found) or 'no'} results_*.json. {remedy}")
    return found[0]


def evaluated_model(client: Client, name: str) -> str:
    """The model here that lm-eval asked by this name, which is an id or a unique name. Raises CommandError."""
    if name in {model["id"] for model in client.get("/v1/models")["data"]}:
        return name
    found = [model["id"] for model in everything(client, "/models/custom") if name in (model["id"], model["name"])]
    if len(found) != 1:
        detail = f"names {len(found)} models" if found else "is no model"
        raise CommandError(f"The results are of {name or 'a model without a name'}, which {detail} here: use --model.")
    return str(found[0])
