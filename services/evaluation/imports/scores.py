"""Computes the scores of a task anew from its samples, as lm-eval aggregates them, and compares them with its own.

The module imports scipy, which takes a second: import it where it is used.
"""

import hashlib
import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from services.evaluation.comparison.scores import AGGREGATION, score_functions
from services.evaluation.comparison.statistics import Floats, Samples, Score
from services.evaluation.comparison.summary import few_rows_warning, intervals, resample
from services.evaluation.errors import UnreadableImport
from services.evaluation.imports.results import Results
from services.evaluation.imports.samples import Samples as TaskSamples
from services.evaluation.models import Outcome, Sample
from shared.warnings import ReportedWarning

MEANS = dict.fromkeys(("acc", "acc_norm", "acc_bytes", "acc_mutual_info", "exact_match"), "mean")
AGGREGATIONS = {
    **MEANS,
    "perplexity": "perplexity",
    "word_perplexity": "weighted_perplexity",
    "byte_perplexity": "weighted_perplexity",
    "bits_per_byte": "bits_per_byte",
}
"""What lm-eval (0.4.13, api/metrics.py) takes for metrics whose task names no aggregation."""
KNOWN = ("mean", "nanmean", "perplexity", "weighted_perplexity", "bits_per_byte")
NAME = re.compile(r"[\w ,+-]{1,100}")
"""Names of scores are keys of documents."""
MAX_SETTING_LENGTH = 60
MAX_NUMBER = 1e300


@dataclass
class Report:
    """The rows with their scores, and the outcome."""

    ids: list[int]
    statistics: dict[str, Floats] = field(default_factory=dict)
    signatures: dict[str, str] = field(default_factory=dict)
    lower_is_better: list[str] = field(default_factory=list)
    warnings: list[ReportedWarning] = field(default_factory=list)
    rows: list[dict[str, Any]] = field(default_factory=list)
    outcome: Outcome = field(default_factory=Outcome)


def report(results: Results, task: str, samples: TaskSamples) -> Report:
    """Compute scores, intervals and rows. Raises UnreadableImport where the files do not fit each other."""
    _check_complete(results, task, samples)
    found, reported = Report(sorted(samples.rows)), results.reported(task)
    for key, values in samples.values.items():
        _add(found, results, task, key, values, reported.pop(key, None))
    for metric, filter in reported:
        _leave_out(found, _name(metric, filter), "the samples have no values of it")
    if not found.statistics:
        reasons = " ".join(warning.detail for warning in found.warnings)
        raise UnreadableImport(f"No score of {task} can be computed from the samples. {reasons}", field="samples")
    found.warnings += few_rows_warning(len(found.ids))
    functions = score_functions(list(found.statistics), found.signatures)
    found.rows = _rows(found, samples, functions)
    found.outcome = _outcome(found, functions)
    return found


def _check_complete(results: Results, task: str, samples: TaskSamples) -> None:
    expected = results.rows.get(task, {}).get("effective")
    if expected is not None and expected != len(samples.rows):
        detail = f"The samples have {len(samples.rows)} rows of {task}, and lm-eval scored {expected}."
        raise UnreadableImport(detail, field="samples", limit=expected, remedy="Give the complete file of this run.")
    if samples.task_hash != results.task_hashes[task]:
        detail = f"The samples are not those of these results: the hash of {task} differs."
        remedy = "Give the results_*.json and the samples_*.jsonl that one run wrote, unchanged."
        raise UnreadableImport(detail, field="samples", limit=results.task_hashes[task], remedy=remedy)


def _add(
    found: Report, results: Results, task: str, key: tuple[str, str], values: Mapping[int, Any], reported: Any
) -> None:
    """Add a score, or say why it is left out."""
    metric, filter = key
    name, settings = _name(metric, filter), _settings(results.configs[task], metric)
    declared = settings.pop("aggregation", None) or AGGREGATIONS.get(metric)
    aggregation = declared or "mean"
    if not NAME.fullmatch(name):
        return _leave_out(found, name[:100], "its name has characters other than letters, digits, _, - and +")
    if aggregation not in KNOWN:
        return _leave_out(found, name, "its aggregation is none of " + ", ".join(KNOWN))
    if not _is_number(reported):
        return _leave_out(found, name, "the results have no number for it")
    statistics = _statistics(found.ids, values, aggregation)
    if isinstance(statistics, str):
        return _leave_out(found, name, statistics)
    signature = "|".join([f"{AGGREGATION}{aggregation}", *_signature(settings, results.configs[task], filter)])
    score = score_functions([name], {name: signature})[name](statistics.sum(0))
    if score is None or not math.isclose(score, reported, rel_tol=1e-6, abs_tol=1e-9):
        difference = f"the samples give {score}, and the results say {reported}"
        if declared:
            remedy = "Give the files that lm-eval wrote, unchanged."
            raise UnreadableImport(f"{name}: {difference}.", field="samples", remedy=remedy)
        return _leave_out(found, name, f"{difference}, so it is not their mean")
    found.statistics[name], found.signatures[name] = statistics, signature
    higher = results.higher_is_better.get(task, {}).get(metric)
    if higher is False:
        found.lower_is_better.append(name)
    elif higher is None:
        detail = f"lm-eval does not say whether a higher {name} is better; it is taken to be so."
        found.warnings.append(ReportedWarning(code="direction_unknown", detail=detail, example=name))
    return None


def _leave_out(found: Report, name: str, reason: str) -> None:
    detail = f"{name} is not imported: {reason}."
    found.warnings.append(ReportedWarning(code="score_not_imported", detail=detail, example=name))


def _name(metric: str, filter: str) -> str:
    return metric if filter == "none" else f"{metric},{filter}"


def _settings(config: Mapping[str, Any], metric: str) -> dict[str, Any]:
    """The task's entry of a metric, without its name and direction."""
    entries = [entry for entry in config.get("metric_list") or [] if isinstance(entry, dict)]
    entry = next((entry for entry in entries if entry.get("metric") == metric), {})
    return {name: value for name, value in entry.items() if name not in ("metric", "higher_is_better")}


def _signature(settings: Mapping[str, Any], config: Mapping[str, Any], filter: str) -> list[str]:
    """What else a score depends on: `name:value`, as sacrebleu writes it."""
    filters = [entry for entry in config.get("filter_list") or [] if isinstance(entry, dict)]
    steps = next((entry.get("filter") for entry in filters if entry.get("name") == filter), None)
    return [f"{name}:{_short(value)}" for name, value in [*settings.items(), ("filter", steps)] if value is not None]


def _short(value: Any) -> str:
    """A setting as text; a long one, such as the source of a function, by its beginning and its hash."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, sort_keys=True)
    if len(text) <= MAX_SETTING_LENGTH and "\n" not in text:
        return text
    return f"{' '.join(text[:MAX_SETTING_LENGTH].split())}… sha256 {hashlib.sha256(text.encode()).hexdigest()[:12]}"


def _statistics(ids: Sequence[int], values: Mapping[int, Any], aggregation: str) -> Floats | str:
    """The statistics of the rows, [rows, 2], whose sums give the score; or why there are none."""
    pairs = np.zeros((len(ids), 2))
    for place, id in enumerate(ids):
        value = values.get(id)
        if id not in values or (aggregation == "nanmean" and isinstance(value, float) and math.isnan(value)):
            continue
        is_weighted = aggregation in ("weighted_perplexity", "bits_per_byte")
        pair = value if is_weighted else [value, 1]
        if not isinstance(pair, list) or len(pair) != 2 or not all(map(_is_number, pair)):
            expected = "two numbers" if is_weighted else "a number"
            shown = "a list" if isinstance(value, list) else json.dumps(value, ensure_ascii=False)[:60]
            return f"row {id} has {shown} and not {expected}"
        pairs[place] = pair
    if "mean" not in aggregation:
        pairs[:, 0] *= -1  # log-likelihoods become nats
    return pairs


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and abs(value) < MAX_NUMBER  # not NaN, and it fits a float


def _rows(found: Report, samples: TaskSamples, functions: Mapping[str, Score]) -> list[dict[str, Any]]:
    rows = []
    for place, id in enumerate(found.ids):
        row = samples.rows[id]
        scores = {name: functions[name](statistics[place]) for name, statistics in found.statistics.items()}
        shown = {"row": id, "source": row.source, "columns": {}, "reference": row.reference, "tuned": row.answer}
        prompt = [{"role": "user", "content": row.prompt}] if row.prompt else []
        known = {name: score for name, score in scores.items() if score is not None}
        rows.append({**shown, "prompt": prompt, "base": None, "scores": known, "base_scores": {}})
    return rows


def _outcome(found: Report, functions: Mapping[str, Score]) -> Outcome:
    scores = {name: functions[name](statistics.sum(0)) for name, statistics in found.statistics.items()}
    sums = resample(found.statistics, Samples(len(found.ids)))
    return Outcome(
        evaluated=len(found.ids),
        scores={name: score for name, score in scores.items() if score is not None},
        intervals=intervals(found.statistics, functions, sums),
        signatures=found.signatures,
        lower_is_better=found.lower_is_better,
        warnings=found.warnings,
        samples=[Sample.model_validate(row) for row in found.rows[:3]],
    )
