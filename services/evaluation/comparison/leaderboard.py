"""Leaderboards of models that were scored on the same rows: scores, intervals, and paired tests against the first."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np

from services.evaluation.comparison.scores import LOWER_IS_BETTER, score_functions
from services.evaluation.comparison.statistics import Floats, Samples, holm, scored_rows
from services.evaluation.comparison.summary import intervals, paired_tests, resample, verdict
from shared.warnings import ReportedWarning


@dataclass(frozen=True)
class ScoredRows:
    """What statistics.npz holds of a tuned model, with the signatures of its scores."""

    ids: list[int]
    statistics: Mapping[str, Floats]
    signatures: Mapping[str, str]
    lower_is_better: frozenset[str] = LOWER_IS_BETTER


def write_statistics(path: Path, ids: Sequence[int], models: Mapping[str, Mapping[str, Floats]]) -> None:
    """Write the ids of the rows as `row`, and the statistics as `<model>/<score>`, [rows, columns] each."""
    arrays: dict[str, Any] = {
        f"{model}/{name}": found for model, statistics in models.items() for name, found in statistics.items()
    }
    np.savez_compressed(path, row=np.array(ids, np.int64), **arrays)


def load_rows(
    content: bytes, signatures: Mapping[str, str], lower_is_better: frozenset[str] = LOWER_IS_BETTER
) -> ScoredRows:
    """Read a statistics.npz."""
    with np.load(BytesIO(content), allow_pickle=False) as arrays:
        found = {
            name.removeprefix("tuned/"): arrays[name].astype(np.float64)
            for name in arrays.files
            if name.startswith("tuned/")
        }
        return ScoredRows(arrays["row"].tolist(), found, signatures, lower_is_better)


def leaderboards(models: Sequence[ScoredRows]) -> tuple[list[dict[str, Any]], list[ReportedWarning]]:
    """Return {metric, lower_is_better, entries: [{index, score, interval, comparison}]}, best first, and warnings."""
    warnings = list(_different_scores(models))
    left_out = {warning.example for warning in warnings}
    shared = [name for name in models[0].statistics if name not in left_out]
    functions, lower = score_functions(shared, models[0].signatures), models[0].lower_is_better
    samples = Samples(len(models[0].ids))
    kept = [{name: model.statistics[name] for name in shared} for model in models]
    sums = [resample(statistics, samples) for statistics in kept]
    bounds = [intervals(statistics, functions, own) for statistics, own in zip(kept, sums, strict=True)]
    tests = [
        paired_tests(statistics, kept[0], functions, samples, (own, sums[0]), lower)
        for statistics, own in zip(kept[1:], sums[1:], strict=True)
    ]
    boards = []
    for name in shared:
        own_tests = [found[name] for found in tests if name in found]
        adjusted = _adjust(own_tests, scored_rows(kept[0][name]), lower=name in lower)
        entries: list[dict[str, Any]] = [
            {"index": index, "score": score, "interval": bounds[index].get(name), "comparison": test}
            for index, (statistics, test) in enumerate(zip(kept, [None, *adjusted], strict=True))
            if (score := functions[name](statistics[name].sum(0))) is not None
        ]
        entries.sort(key=lambda entry: entry["score"], reverse=name not in lower)
        boards.append({"metric": name, "lower_is_better": name in lower, "entries": entries})
    return boards, warnings


def _adjust(tests: Sequence[Mapping[str, Any]], rows: int, *, lower: bool) -> list[dict[str, Any]]:
    adjusted = holm([test["p_value"] for test in tests])
    return [
        {**test, "p_adjusted": p_value, "verdict": verdict(test["difference"], p_value, rows, len(tests), lower=lower)}
        for test, p_value in zip(tests, adjusted, strict=True)
    ]


def _different_scores(models: Sequence[ScoredRows]) -> Iterator[ReportedWarning]:
    """Yield a warning for every score that not all have, or that means different things; `example` is the score."""
    first = models[0]
    for name in dict.fromkeys(name for model in models for name in model.statistics):
        if not all(name in model.statistics for model in models):
            code, reason = "score_missing", "not all evaluations have it"
        elif any(model.signatures.get(name) != first.signatures.get(name) for model in models):
            code, reason = "score_settings_differ", "its settings differ, or follow other references"
        elif any(not _same_scale(name, first.statistics[name], model.statistics[name]) for model in models):
            code, reason = "score_scales_differ", "the models count other tokens or labels in the same rows"
        else:
            continue
        remedy = "Evaluate all models with the same metrics; perplexity needs the same tokenizer and max_length."
        yield ReportedWarning(code=code, detail=f"{name} is left out: {reason}.", example=name, remedy=remedy)


def _same_scale(name: str, one: Floats, other: Floats) -> bool:
    """Whether two statistics count the same: of perplexity the tokens of each row, of means which rows are scored."""
    if one.shape != other.shape:
        return False
    return one.shape[1] != 2 or bool((one[:, 1] == other[:, 1]).all())
