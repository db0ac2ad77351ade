"""Which rows of a report are shown: by score, and by how the tuned model did on them."""

import json
from collections import Counter
from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from services.evaluation.comparison.scores import LOWER_IS_BETTER
from services.evaluation.models import Prediction, PredictionPage, RowKind
from shared.runtime.errors import InvalidInput


@dataclass(frozen=True)
class Selection:
    """Rows [offset, offset + limit) of a kind; `metric` is the score by which rows regressed or improved."""

    offset: int = 0
    limit: int = 50
    sort: str = "row"
    kind: RowKind | None = None
    metric: str | None = None


def select(report: bytes, chosen: Selection) -> PredictionPage:
    """Return the chosen rows of predictions.jsonl. Raises InvalidInput for a score that no row has."""
    rows = [json.loads(line) for line in report.splitlines()]
    known = sorted({score for row in rows for score in row["scores"]})
    if chosen.metric is not None and chosen.metric not in known:
        remedy = f"Use one of {', '.join(known)}."
        raise InvalidInput(f"The rows have no score {chosen.metric!r}.", field="metric", limit=known, remedy=remedy)
    metrics = known if chosen.metric is None else [chosen.metric]
    answered = any(row["tuned"] is not None for row in rows)
    labels = {_label(row["reference"]) for row in rows if "accuracy" in row["scores"]}
    kinds = [row_kinds(row, metrics, labels, answered=answered) for row in rows]
    matching = [row for row, found in zip(rows, kinds, strict=True) if chosen.kind is None or chosen.kind in found]
    ordered = _sort(matching, chosen.sort, known)
    items = [Prediction.model_validate(row) for row in ordered[chosen.offset : chosen.offset + chosen.limit]]
    counts = Counter(kind for found in kinds for kind in found)
    return PredictionPage(items=items, offset=chosen.offset, total=len(matching), counts=dict(counts))


def row_kinds(row: dict[str, Any], metrics: Iterable[str], labels: Container[str], *, answered: bool) -> set[RowKind]:
    """Return the kinds of a row; with several metrics, it regressed or improved by any of them.

    `labels`: those of the references, where the answers are labels. `answered`: whether the evaluation has answers;
    without, no row is empty.
    """
    kinds: set[RowKind] = set()
    for name in metrics:
        if name in row["scores"].keys() & row["base_scores"].keys():
            gain = (row["scores"][name] - row["base_scores"][name]) * (-1 if name in LOWER_IS_BETTER else 1)
            if gain:
                kinds.add("improved" if gain > 0 else "regressed")
    if answered and row["scores"].keys() - LOWER_IS_BETTER and not (row["tuned"] or "").strip():
        kinds.add("empty")
    is_label = "accuracy" not in row["scores"] or row["tuned"] is None or _label(row["tuned"]) in labels
    if row["scores"].get("json_valid") == 0 or not is_label:
        kinds.add("invalid")
    return kinds


def _label(text: str) -> str:
    """The text as the metric classification compares labels."""
    return text.strip().casefold()


def _sort(rows: Sequence[dict[str, Any]], sort: str, scores: Sequence[str]) -> list[dict[str, Any]]:
    """Sort rows by a score of the tuned model (stable); the prefix `-` sorts descending."""
    name, descending = sort.removeprefix("-"), sort.startswith("-")
    known = sorted(["row", *scores])
    if name not in known:
        remedy = f"Sort by one of {', '.join(known)}; the prefix - sorts descending."
        raise InvalidInput(f"The rows have no score {name!r}.", field="sort", limit=known, remedy=remedy)
    return sorted(
        rows, key=lambda row: row["row"] if name == "row" else row["scores"].get(name, 0.0), reverse=descending
    )
