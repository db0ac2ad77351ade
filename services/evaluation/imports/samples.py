"""The samples_*.jsonl of lm-eval: the rows of a task, each once for every filter, with the values of its metrics."""

import hashlib
import json
import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from services.evaluation.errors import UnreadableImport
from services.evaluation.models import MAX_ROWS

RERUN = "Give the samples_*.jsonl that lm-eval 0.4.3 or later writes with --log_samples."

MAX_LINE = 8 << 20
"""Bytes of a line."""
MAX_DIGITS = 10
"""Of the place of a choice; a longer number is a text."""


class Line(BaseModel):
    """A row under one filter; the values of its `metrics` are further fields."""

    model_config = ConfigDict(extra="allow")

    doc_id: int = Field(ge=0, lt=2**53)
    target: str
    arguments: dict[str, Annotated[dict[str, Any], Field(min_length=1)]] = Field(min_length=1)
    resps: list[Any]
    filtered_resps: list[Any]
    filter: str
    metrics: list[str]
    doc_hash: str
    prompt_hash: str
    target_hash: str


@dataclass(frozen=True)
class Row:
    """A row as reports show it."""

    source: str
    prompt: str
    reference: str
    answer: str | None
    """The model's answer: the likeliest choice, or what was generated, before filters; None where it gave none."""


@dataclass
class Samples:
    """All rows of a task."""

    rows: dict[int, Row] = field(default_factory=dict)
    values: dict[tuple[str, str], dict[int, Any]] = field(default_factory=dict)
    """(metric, filter) -> row -> value"""
    task_hash: str = ""
    generation: str = ""
    """Arguments of the generation, as JSON; empty where only likelihoods were measured."""


def read_samples(path: Path, name: str) -> Samples:
    """Read the file, which errors call `name`. Raises UnreadableImport that names the line."""
    found, digest = Samples(), hashlib.sha256()
    for source, line in _lines(path, name):
        values: dict[str, Any] = line.model_extra or {}
        for metric in line.metrics:
            rows = found.values.setdefault((metric, line.filter), {})
            if line.doc_id in rows:
                detail = f"{source} has row {line.doc_id} again."
                raise UnreadableImport(detail, field="samples", remedy="Give the samples of one run.")
            rows[line.doc_id] = values.get(metric)
        if line.doc_id not in found.rows:
            found.rows[line.doc_id] = _row(line, source)
            found.generation = found.generation or _generation(line)
        if len(found.rows) > MAX_ROWS:
            detail, remedy = f"{name} has more than {MAX_ROWS} rows.", f"Run lm-eval with --limit {MAX_ROWS} or less."
            raise UnreadableImport(detail, field="samples", limit=MAX_ROWS, remedy=remedy)
        digest.update((line.doc_hash + line.prompt_hash + line.target_hash).encode())
    if not found.rows:
        raise UnreadableImport(f"{name} is empty.", field="samples", remedy=RERUN)
    found.task_hash = digest.hexdigest()
    return found


def _lines(path: Path, name: str) -> Iterator[tuple[str, Line]]:
    with path.open("rb") as file:
        for number, content in enumerate(iter(lambda: file.readline(MAX_LINE + 1), b""), 1):
            source = f"{name}:{number}"
            if len(content) > MAX_LINE:
                detail, remedy = f"{source} is too long.", "Import a task with shorter rows."
                raise UnreadableImport(detail, field="samples", limit=MAX_LINE, remedy=remedy)
            try:
                if content.strip():
                    line = json.loads(content)
                    json.dumps(line, ensure_ascii=False).encode()  # refuses halves of characters
                    yield source, Line.model_validate(line)
            except ValidationError as error:
                first = error.errors(include_url=False, include_input=False)[0]
                place = ".".join(map(str, first["loc"]))
                detail = f"{source} is no sample of lm-eval: {place}: {first['msg']}."
                raise UnreadableImport(detail, field="samples", remedy=RERUN) from error
            except (ValueError, RecursionError) as error:
                detail = f"{source} is no JSON; the file may be cut off."
                raise UnreadableImport(detail, field="samples", remedy=RERUN) from error


def _row(line: Line, source: str) -> Row:
    requests = [[*request.values()] for request in line.arguments.values()]
    context = str(requests[0][0])
    if len(requests[0]) == 1:  # loglikelihood_rolling: the text itself
        return Row(source, "", line.target, None)
    if isinstance(requests[0][1], dict):
        return Row(source, context, line.target, _first_text(line.resps))
    choices = [str(request[1]) for request in requests if request[0] == requests[0][0] and len(request) > 1]
    if len(choices) < 2:
        return Row(source, context, line.target, None)
    return Row(source, context, _right_choice(line.target, choices), _likeliest(line.filtered_resps, choices))


def _right_choice(target: str, choices: list[str]) -> str:
    """The text of the right choice: tasks name it, or its place."""
    texts = [choice.strip() for choice in choices]
    is_place = target.isdecimal() and len(target) <= MAX_DIGITS and int(target) < len(texts) and target not in texts
    return texts[int(target)] if is_place else target


def _likeliest(responses: list[Any], choices: list[str]) -> str | None:
    try:
        likelihoods = [float(response[0]) for response in responses[: len(choices)]]
    except (TypeError, ValueError, LookupError, OverflowError):
        return None
    if any(map(math.isnan, likelihoods)):
        return None
    return choices[likelihoods.index(max(likelihoods))].strip() if len(likelihoods) == len(choices) else None


def _first_text(responses: list[Any]) -> str | None:
    first: Any = responses
    while isinstance(first, list):
        if not first:
            return None
        first = first[0]
    return first if isinstance(first, str) else None


def _generation(line: Line) -> str:
    given = [value for request in line.arguments.values() for value in request.values() if isinstance(value, dict)]
    return json.dumps(given[0], sort_keys=True) if given else ""
