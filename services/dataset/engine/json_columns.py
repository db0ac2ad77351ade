"""A single JSON object: one row, or a table by columns, as pandas writes it."""

from collections.abc import Iterator
from typing import Any

from services.dataset.engine.lines import BadRow, NumberedRow
from services.dataset.layouts import find_layout


def rows_of_object(line: int, members: dict[str, Any]) -> Iterator[NumberedRow]:
    """Yield the rows of an object from this line. Rows of a table are numbered from 1.

    Read are {"a": […], "b": […]} (`Dataset.to_dict`), pandas' default orientation, {"a": {"0": …}}, and rows by their
    ids, {"0": {"a": …}}.
    """
    values = list(members.values())
    if values and all(isinstance(value, dict) and value for value in values):
        if all(_is_index(value) and value.keys() == values[0].keys() for value in values):
            values = [list(value.values()) for value in values]
        elif _is_index(members) or all(map(find_layout, values)):
            yield from enumerate(values, 1)
            return
    if not _are_lists_of_values(values):
        yield line, members
        return
    lengths = {name: len(value) for name, value in members.items()}
    if len(set(lengths.values())) > 1:
        counts = ", ".join(f"{name} has {count}" for name, count in lengths.items())
        yield line, BadRow(f"an object of columns needs lists of the same length: {counts}")
        return
    for number, cells in enumerate(zip(*values, strict=True), 1):
        yield number, dict(zip(members, cells, strict=True))


def _is_index(keys: dict[str, Any]) -> bool:
    return all(key.isdigit() for key in keys)


def _are_lists_of_values(values: list[Any]) -> bool:
    """Whether all values are lists, and none of them is a list of messages, tools or the like."""
    lists = bool(values) and all(isinstance(value, list) and value for value in values)
    return lists and not any(isinstance(value[0], dict) for value in values)
