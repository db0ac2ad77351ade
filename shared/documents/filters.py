"""Validation of collection names, field paths and filters, shared by all Documents adapters."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from shared.documents.protocol import Where

COLLECTION = re.compile(r"[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)*")
NAME = re.compile(r"[^.\"\\$\x00-\x1f][^.\"\\\x00-\x1f]*")
"""A field name that both SQLite's JSON paths and MongoDB can address."""
COMPARISONS = frozenset({"$gt", "$gte", "$lt", "$lte"})
IDENTITY = frozenset({"_id", "version"})


def validate_collection_name(name: str) -> str:
    """Return the name. Raises ValueError unless it has the form `<service>.<noun>`."""
    if not COLLECTION.fullmatch(name):
        raise ValueError(f"not a collection name: {name!r}")
    return name


def split_field_path(field: str) -> list[str]:
    """Split a dotted field path into names. Raises ValueError for an invalid path."""
    names = field.split(".")
    if not all(NAME.fullmatch(name) for name in names):
        raise ValueError(f"not a field path: {field!r}")
    return names


def validate_filter_value(value: Any) -> Any:
    """Return the value. Raises ValueError for a type that filters cannot compare."""
    if value is None or isinstance(value, bool | int | float | str):
        return value
    raise ValueError(f"filters compare with null, booleans, numbers and strings, not {value!r}")


def validate_filter(where: Where) -> dict[str, Any]:
    """Return a copy of the filter. Raises ValueError for an unsupported filter."""
    for field, condition in where.items():
        split_field_path(field)
        if isinstance(condition, Mapping):
            for operator, operand in condition.items():
                _check_operand(operator, operand)
        else:
            validate_filter_value(condition)
    return dict(where)


def _check_operand(operator: str, operand: Any) -> None:
    if operator == "$in":
        for value in operand:
            validate_filter_value(value)
    elif operator in COMPARISONS and operand is None:
        raise ValueError(f"filters compare with null for equality only, not by {operator}")
    elif operator in COMPARISONS or operator == "$ne":
        validate_filter_value(operand)
    else:
        raise ValueError(f"unknown operator {operator!r}")


def validate_patch_fields(fields: Sequence[str]) -> None:
    """Raise ValueError for a patch of `_id` or `version`, or for an invalid field path."""
    if not IDENTITY.isdisjoint(fields):
        raise ValueError("a patch leaves _id and version alone")
    for field in fields:
        split_field_path(field)
