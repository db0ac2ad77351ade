"""Turns exported evals of OpenAI's API into requests of /v1/evals, with a list of what has no counterpart here."""

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cli.errors import CommandError

GRADERS = ("string_check", "text_similarity", "label_model", "score_model", "python")
MISSING_METRICS = ("cosine", "gleu", "meteor")
"""Of text_similarity: they need a model or a library that the platform does not have."""
SOURCES = {"logs": "logged completions", "stored_completions": "stored completions"}
"""Data source configs of evals without rows of their own."""
PARTS = ("eval", "evals", "runs", "output_items", "data")
"""Members of a JSON object without a type of its own that hold exported objects."""
MAP = "Map it: --map {}=MODEL."

Json = dict[str, Any]


@dataclass(frozen=True)
class Problem:
    """Something of the export that is not imported, or not as it was."""

    subject: str
    detail: str
    remedy: str = ""


@dataclass(frozen=True)
class PlannedRun:
    """A run to start: the body of the request, and in words which answers it grades."""

    source: str
    body: Json
    answers: str

    @property
    def rows(self) -> int:
        """Its number of rows."""
        return len(self.body["data_source"]["source"]["content"])


@dataclass
class PlannedEval:
    """An eval to create, with its runs."""

    source: str
    body: Json
    runs: list[PlannedRun] = field(default_factory=list)


@dataclass
class Export:
    """The objects of the exported files, with the id of the object that each belongs to."""

    evals: list[Json] = field(default_factory=list)
    runs: list[tuple[str, Json]] = field(default_factory=list)
    items: defaultdict[str, list[Json]] = field(default_factory=lambda: defaultdict(list))
    rows: list[Json] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    rows_used: bool = False

    def add(self, value: Any, where: str, eval_id: str = "", run_id: str = "") -> None:
        """Sort an exported value by its type; `eval_id` and `run_id` are those of the objects that it is inside."""
        if isinstance(value, list):
            for each in value:
                self.add(each, where, eval_id, run_id)
            return
        match _type_of(value):
            case "eval":
                self.evals.append(value)
                self.add(value.get("runs") or [], where, str(value.get("id", "")))
            case "eval.run":
                self.runs.append((str(value.get("eval_id") or eval_id), value))
                self.add(value.get("output_items") or [], where, eval_id, str(value.get("id", "")))
            case "eval.run.output_item":
                self.items[str(value.get("run_id") or run_id)].append(value)
            case "row":
                self.rows.append(value)
            case "parts":
                if value.get("has_more"):
                    detail = "The exported page says has_more: the rest is not in the file."
                    self.problems.append(Problem(where, detail, "Export all pages."))
                for name in PARTS:
                    self.add(value.get(name) or [], where, eval_id, run_id)
            case _:
                self.problems.append(Problem(where, f"Not an exported object: {json.dumps(value)[:80]}"))


def _type_of(value: Any) -> str | None:
    """The type of an exported object, by its `object` or else by its members."""
    if not isinstance(value, dict):
        return None
    if value.get("object") in ("eval", "eval.run", "eval.run.output_item"):
        return str(value["object"])
    if "testing_criteria" in value and "data_source_config" in value:
        return "eval"
    if "datasource_item" in value:
        return "eval.run.output_item"
    if "data_source" in value:
        return "eval.run"
    if isinstance(value.get("item"), dict):
        return "row"
    return "parts" if any(name in value for name in PARTS) else None


def read_export(files: Sequence[Path]) -> Export:
    """Read JSON or JSON Lines files. Raises CommandError that names the line that is no JSON."""
    export = Export()
    for path in files:
        try:
            text = path.read_text("utf-8-sig")
        except (OSError, UnicodeDecodeError) as error:
            raise CommandError(f"{path} cannot be read: {error}") from None
        try:
            export.add(json.loads(text), path.name)
        except ValueError:
            for number, line in enumerate(text.splitlines(), 1):
                if line.strip():
                    export.add(_parse(line, f"{path.name}:{number}"), f"{path.name}:{number}")
    return export


def _parse(line: str, where: str) -> Any:
    try:
        return json.loads(line)
    except ValueError as error:
        raise CommandError(f"{where} is no JSON: {error}. Nothing was imported.") from None


def plan(export: Export, models: Mapping[str, str]) -> tuple[list[PlannedEval], list[Problem]]:
    """The evals and runs to create, and what is not among them. `models` maps names in the export to models here."""
    problems, planned = [*export.problems], dict[str, PlannedEval]()
    for found in export.evals:
        subject = _name("eval", found)
        if body := _eval_body(found, subject, models, problems):
            planned[str(found.get("id", subject))] = PlannedEval(subject, body)
        elif missing := [run for eval_id, run in export.runs if eval_id == found.get("id")]:
            problems.append(Problem(subject, f"Its {len(missing)} runs are not imported either."))
    imported = {str(found.get("id", "")) for found in export.evals}
    for eval_id, run in export.runs:
        if eval_id in planned:
            _add_run(planned[eval_id], run, export, models, problems)
        elif eval_id not in imported:
            remedy = "Give the file with the eval, too."
            problems.append(Problem(_name("run", run), f"Its eval {eval_id or '?'} is not in the files.", remedy))
    known = {str(run.get("id", "")) for _, run in export.runs}
    for run_id, items in export.items.items():
        if run_id not in known:
            detail = f"The run of {len(items)} output items, {run_id or '?'}, is not in the files."
            problems.append(Problem("output items", detail, "Give the file with the run, too."))
    _add_rows([*planned.values()], export, problems)
    for name in sorted(models.keys() - set(_models(export))):
        problems.append(Problem(f"--map {name}", "No run and no criterion of the files names this model."))
    return [*planned.values()], problems


def _models(export: Export) -> Iterator[str | None]:
    """The names of models in an export."""
    for found in export.evals:
        yield from (criterion.get("model") for criterion in found.get("testing_criteria") or [])
    for _, run in export.runs:
        yield from (run.get("model"), (run.get("data_source") or {}).get("model"))


def _name(kind: str, found: Json) -> str:
    return f"{kind} {found.get('id') or found.get('name') or '?'}"


def _eval_body(found: Json, subject: str, models: Mapping[str, str], problems: list[Problem]) -> Json | None:
    config = found.get("data_source_config") or {}
    schema = config.get("schema") or {}
    properties = schema.get("properties") or {}
    item_schema = config.get("item_schema") or properties.get("item")
    if config.get("type") != "custom" or not item_schema:
        source = SOURCES.get(str(config.get("type")), "no rows of its own")
        problems.append(Problem(subject, f"It grades {source}, which are not stored here.", "Send the rows yourself."))
        return None
    named = [
        (criterion, f"{subject}, criterion {criterion.get('name')!r}")
        for criterion in found.get("testing_criteria") or []
    ]
    criteria = [body for criterion, where in named if (body := _criterion(criterion, where, models, problems))]
    if not criteria:
        problems.append(Problem(subject, "None of its criteria can be imported, so it is not."))
        return None
    body = {
        "name": found.get("name"),
        "metadata": found.get("metadata") or None,
        "data_source_config": {
            "type": "custom",
            "item_schema": item_schema,
            "include_sample_schema": bool(config.get("include_sample_schema") or "sample" in properties),
        },
        "testing_criteria": criteria,
    }
    return {name: value for name, value in body.items() if value is not None}


def _criterion(criterion: Json, subject: str, models: Mapping[str, str], problems: list[Problem]) -> Json | None:
    if (kind := criterion.get("type")) not in GRADERS:
        problems.append(Problem(subject, f"There is no grader {kind} here.", f"Use one of {', '.join(GRADERS)}."))
        return None
    if (metric := criterion.get("evaluation_metric")) in MISSING_METRICS:
        problems.append(Problem(subject, f"There is no metric {metric} here.", "Use fuzzy_match, bleu or rouge_l."))
        return None
    body: Json = without_null({name: value for name, value in criterion.items() if name != "id"})
    if model := body.get("model"):
        if model not in models:
            problems.append(Problem(subject, f"{model} grades it.", MAP.format(model)))
            return None
        body["model"] = models[model]
    return body


def _add_run(planned: PlannedEval, run: Json, export: Export, models: Mapping[str, str], found: list[Problem]) -> None:
    subject, items = _name("run", run), export.items[str(run.get("id", ""))]
    total = (run.get("result_counts") or {}).get("total") or 0
    if items and len(items) < total:
        found.append(Problem(subject, f"The files have {len(items)} of its {total} output items.", "Export all pages."))
    source = run.get("data_source") or {}
    with_samples = planned.body["data_source_config"]["include_sample_schema"]
    model = source.get("model") or run.get("model") or "?"
    given = (source.get("source") or {}).get("content") or [
        {"item": item["datasource_item"]} for item in _sorted(items)
    ]
    if with_samples and model in models and source.get("input_messages"):
        export.rows_used = export.rows_used or not given
        data = _asking(source, models[model], [{"item": row["item"]} for row in given or export.rows])
        answers = f"{models[model]} instead of {model}"
    else:
        rows = [*_recorded(items)] if with_samples and items else given
        if with_samples and len(rows) < len(items):
            found.append(Problem(subject, f"{len(items) - len(rows)} of its rows have no answer to grade."))
        rows = [row for row in rows if not with_samples or row.get("sample")]
        data = {"type": "jsonl", "source": {"type": "file_content", "content": rows}}
        answers = f"exported answers of {model}" if with_samples else "none: rows alone"
    if not data["source"]["content"]:
        detail = f"The files have neither its rows ({(source.get('source') or {}).get('type')}) nor answers to grade."
        found.append(Problem(subject, detail, f"Export its output items. To ask a model here: {MAP.format(model)}"))
        return
    body = {"name": run.get("name"), "metadata": run.get("metadata") or None, "data_source": data}
    body = {name: value for name, value in body.items() if value is not None}
    planned.runs.append(PlannedRun(subject, body, answers))


def _asking(source: Json, model: str, rows: list[Json]) -> Json:
    """A data source whose rows a model here answers."""
    data = {
        "type": "completions",
        "model": model,
        "input_messages": without_null(source["input_messages"]),
        "source": {"type": "file_content", "content": rows},
    }
    params = without_null(source.get("sampling_params") or {})
    return data | ({"sampling_params": params} if params else {})


def _sorted(items: Sequence[Json]) -> list[Json]:
    return sorted(items, key=lambda item: item.get("datasource_item_id") or 0)


def _recorded(items: Sequence[Json]) -> Iterator[Json]:
    """The rows with the answers that they got; one without an answer is left out."""
    for item in _sorted(items):
        output = (item.get("sample") or {}).get("output") or []
        texts = [part["content"] for part in output if part.get("role") == "assistant" and part.get("content")]
        if texts and isinstance(texts[-1], str):
            yield {"item": item["datasource_item"], "sample": {"output_text": texts[-1]}}


def _add_rows(planned: list[PlannedEval], export: Export, problems: list[Problem]) -> None:
    """Rows that no run took become a run of the only eval, if they have what it grades."""
    if not export.rows or export.rows_used:
        return
    subject = f"{len(export.rows)} rows"
    if len(planned) != 1:
        problems.append(Problem(subject, f"They belong to one eval, and {len(planned)} are imported from the files."))
        return
    with_samples = planned[0].body["data_source_config"]["include_sample_schema"]
    rows = [row for row in export.rows if bool(row.get("sample")) == with_samples]
    if len(rows) < len(export.rows):
        detail = f"{len(export.rows) - len(rows)} of them have {'no' if with_samples else 'a'} sample."
        problems.append(
            Problem(subject, detail, "The eval grades answers." if with_samples else "It grades rows alone.")
        )
    if rows:
        data = {"type": "jsonl", "source": {"type": "file_content", "content": rows}}
        planned[0].runs.append(PlannedRun(subject, {"data_source": data}, "as in the rows"))


def without_null(value: Any) -> Any:
    """The value without members that are null, which exports show for what was not set."""
    if isinstance(value, dict):
        return {name: without_null(each) for name, each in value.items() if each is not None}
    return [without_null(each) for each in value] if isinstance(value, list) else value
