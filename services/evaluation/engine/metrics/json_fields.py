"""JSON answers, 0 to 1: the share that are valid JSON, and the share of fields that are right."""

import json
from typing import Any

from services.evaluation.engine.metrics.row_metric import RowMetric

Path = tuple[str | int, ...]


def parse_json(text: str) -> Any:
    """Return a JSON object or array; None for anything else, also for JSON with text around it."""
    try:
        value = json.loads(text, parse_constant=_refuse)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict | list) else None


def row_json(prediction: str, reference: str) -> dict[str, float]:
    """Score one row; no score for a reference that is no JSON object or array.

    `json_fields` counts the innermost values, by their path: a missing, a wrong and an additional one are errors.
    """
    if (expected := parse_json(reference)) is None:
        return {}
    if (predicted := parse_json(prediction)) is None:
        return {"json_valid": 0.0, "json_fields": 0.0}
    left, right = _leaves(predicted), _leaves(expected)
    equal = sum(path in left and _equal(left[path], value) for path, value in right.items())
    return {"json_valid": 1.0, "json_fields": equal / len(left.keys() | right.keys())}


def _leaves(value: Any, path: Path = ()) -> dict[Path, Any]:
    if not value or not isinstance(value, dict | list):
        return {path: value}
    items = value.items() if isinstance(value, dict) else enumerate(value)
    return {inner: leaf for key, child in items for inner, leaf in _leaves(child, (*path, key)).items()}


def _equal(left: Any, right: Any) -> bool:
    return bool(left == right) and isinstance(left, bool) == isinstance(right, bool)


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is not JSON")


class JsonFields(RowMetric):
    """{"json_valid": 0..1, "json_fields": 0..1}."""

    summary = "Share of answers that are valid JSON, and mean share of right fields."
    source = ""
    row = staticmethod(row_json)
