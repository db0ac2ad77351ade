"""The subset of names, paths and filters that every Documents adapter takes, checked alike by each."""

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
    """The name itself; raises ValueError unless it looks like `<service>.<noun>`."""
    if not COLLECTION.fullmatch(name):
        raise ValueError(f"not a collection name: {name!r}")
    return name


def split_field_path(field: str) -> list[str]:
    """The names in a dotted field path; raises ValueError for what is none."""
    names = field.split(".")
    if not all(NAME.fullmatch(name) for name in names):
        raise ValueError(f"not a field path: {field!r}")
    return names


def validate_filter_value(value: Any) -> Any:
    """The value itself; raises ValueError for what a filter cannot compare with."""
    if value is None or isinstance(value, bool | int | float | str):
        return value
    raise ValueError(f"filters compare with null, booleans, numbers and strings, not {value!r}")


def validate_filter(where: Where) -> dict[str, Any]:
    """A copy of the filter; raises ValueError for anything outside the subset."""
    for field, wanted in where.items():
        split_field_path(field)
        if isinstance(wanted, Mapping):
            for operator, operand in wanted.items():
                _check_operand(operator, operand)
        else:
            validate_filter_value(wanted)
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
    """Raise ValueError for a patch of identity, or of what is no field path."""
    if not IDENTITY.isdisjoint(fields):
        raise ValueError("a patch leaves _id and version alone")
    for field in fields:
        split_field_path(field)
