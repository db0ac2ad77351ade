"""The report of an evaluation: rows, scores, intervals, paired tests and slices."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from services.evaluation.comparison.leaderboard import write_statistics
from services.evaluation.comparison.scores import score_functions
from services.evaluation.comparison.statistics import Floats, Samples, Score
from services.evaluation.comparison.summary import headline, intervals, paired_tests, resample
from services.evaluation.engine.answer_statistics import answer_statistics
from services.evaluation.engine.examples import Example
from services.evaluation.engine.scoring import Output, Scores, corpus_scores, row_scores, signatures
from services.evaluation.engine.statistics import row_statistics
from shared.engine.process.protocol import EngineError

SAMPLES = 3
MAX_SLICES = 50


@dataclass(frozen=True)
class Report:
    """Rows and scores of the tuned model and its base model."""

    metrics: Sequence[str]
    examples: Sequence[Example]
    references: Sequence[str]
    tuned: Output
    base: Output | None
    slice_by: str | None = None

    def summary(self, folder: Path) -> dict[str, Any]:
        """Return the scores over all rows and slices; `folder` is scratch space, and gets statistics.npz."""
        scores = corpus_scores(self.metrics, self.tuned, self.references, folder)
        base = corpus_scores(self.metrics, self.base, self.references, folder) if self.base else {}
        signed = signatures(self.metrics, self.references)
        models = {"tuned": self._statistics(scores, self.tuned, "scores")}
        if self.base:
            models["base"] = self._statistics(base, self.base, "base_scores")
        write_statistics(folder / "statistics.npz", [example.row_id for example in self.examples], models)
        functions = score_functions(list(scores), signed)
        found = _compare(models, functions)
        return {
            "evaluated": len(self.examples),
            "too_long": sum(answer is None for answer in self.tuned.answers or []),
            "scores": scores,
            "base_scores": base,
            "signatures": signed,
            "difference": {name: scores[name] - base[name] for name in scores if name in base},
            **found,
            "headline": headline(found["comparison"], len(self.examples)),
            "slices": self._slices(models, functions),
            "answers": answer_statistics(self.tuned),
            "base_answers": answer_statistics(self.base),
        }

    def _statistics(self, scores: Scores, output: Output, column: str) -> dict[str, Floats]:
        return row_statistics(scores, [row[column] for row in self.rows], output, self.references)

    def _slices(
        self, models: Mapping[str, Mapping[str, Floats]], functions: Mapping[str, Score]
    ) -> list[dict[str, Any]]:
        if self.slice_by is None:
            return []
        slices = []
        for value, rows in slices_of(self.examples, self.slice_by).items():
            part = {
                model: {name: found[rows] for name, found in statistics.items()} for model, statistics in models.items()
            }
            scores = {
                model: {
                    name: score
                    for name, found in statistics.items()
                    if (score := functions[name](found.sum(0))) is not None
                }
                for model, statistics in part.items()
            }
            found = _compare(part, functions)
            named = {"scores": scores["tuned"], "base_scores": scores.get("base", {})}
            slices.append({"value": value, "rows": len(rows), **named, **found})
        return slices

    def write(self, path: Path) -> list[dict[str, Any]]:
        """Write one line per row, and return the first SAMPLES rows."""
        write_lines(path, self.rows)
        return self.rows[:SAMPLES]

    @cached_property
    def rows(self) -> list[dict[str, Any]]:
        """Every row with its answers and scores."""
        scores = row_scores(self.metrics, self.tuned, self.references)
        base = row_scores(self.metrics, self.base, self.references) if self.base else [{} for _ in scores]
        return [
            {
                "row": example.row_id,
                "source": example.source,
                "columns": dict(example.columns),
                "prompt": example.messages,
                "reference": self.references[index],
                "tuned": _answer_at(self.tuned, index),
                "base": _answer_at(self.base, index),
                "scores": scores[index],
                "base_scores": base[index],
            }
            for index, example in enumerate(self.examples)
        ]


def slices_of(examples: Sequence[Example], column: str) -> dict[str, list[int]]:
    """Return value of the column -> rows, largest first; rows without a value are in none.

    Raises EngineError `too_many_slices`, and `unknown_column` if no row has a value.
    """
    found: dict[str, list[int]] = {}
    for row, example in enumerate(examples):
        if column in example.columns:
            value = example.columns[column]
            found.setdefault(value if isinstance(value, str) else json.dumps(value), []).append(row)
    if not found:
        raise EngineError(
            "unknown_column",
            f"No scored row has a value in the column {column!r}.",
            field="slice_by",
            remedy="Choose another column, or more rows.",
        )
    if len(found) > MAX_SLICES:
        raise EngineError(
            "too_many_slices",
            f"The column {column!r} has {len(found)} different values in the scored rows.",
            field="slice_by",
            limit=MAX_SLICES,
            remedy=f"Choose a column with at most {MAX_SLICES} values, such as a category.",
        )
    return dict(sorted(found.items(), key=lambda item: (-len(item[1]), item[0])))


def _compare(models: Mapping[str, Mapping[str, Floats]], functions: Mapping[str, Score]) -> dict[str, Any]:
    """Return intervals and tests of statistics by model: tuned, base."""
    tuned, base = models["tuned"], models.get("base", {})
    samples = Samples(len(next(iter(tuned.values()), [])))
    sums = resample(tuned, samples), resample(base, samples)
    return {
        "intervals": intervals(tuned, functions, sums[0]),
        "base_intervals": intervals(base, functions, sums[1]),
        "comparison": paired_tests(tuned, base, functions, samples, sums),
    }


def write_lines(path: Path, rows: Iterable[Any]) -> None:
    """Write JSON Lines."""
    with path.open("w", encoding="utf-8") as file:
        file.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


def _answer_at(output: Output | None, index: int) -> str | None:
    return output.answers[index] if output and output.answers is not None else None
