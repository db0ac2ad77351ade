"""Which columns a row uses: decided for each row by the columns that have a value in it, and counted over all rows."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from services.dataset.engine.lines import BadRow
from services.dataset.engine.messages import MESSAGE_FIELDS, RowNotes
from services.dataset.engine.normalize import Row, normalize
from services.dataset.engine.values import has_value, rating, type_name
from services.dataset.layouts import (
    MEDIA_COLUMNS,
    MODEL_COLUMNS,
    NEUTRAL_COLUMNS,
    Layout,
    column_use,
    find_layout,
    is_known,
)

MAX_COLUMNS = 1_000
"""Columns that are counted by name. Objects that are used as dictionaries have a new key in every row."""
MAX_KEPT_COLUMNS, MAX_KEPT_CHARS = 20, 100
"""Columns whose values are kept for the slices of an evaluation, and the length of such a name or value."""
MAX_KEPT_NUMBER = 1 << 53
EMPTY = "no row has a value in it"
CLASS_PREFIX = "class "
"""Marks a `label` that is no truth value, among the filled columns of a row."""


Kind = Literal["known", "label", "other"]
"""What a column's name means: `label` may be an unpaired preference's, or the name of a class."""


@dataclass
class RowPlan:
    """How rows with values in the same columns are read, and how many there are."""

    layout: Layout
    columns: dict[str, str]
    unused: list[str]
    rows: int = 0

    @property
    def name(self) -> str:
        """The layout, by the names that the file has for its required columns, as far as they are known ones."""
        named = ((column, self.columns[column]) for column in self.layout.required)
        names = (_name(file_column) if is_known(file_column) else column for column, file_column in named)
        return self.layout.name if self.layout.form == "preference" else "/".join(names)

    @property
    def media(self) -> str | None:
        """A column of images, sound or video."""
        return next((column for column in self.unused if _name(column) in MEDIA_COLUMNS), None)


class ColumnReader:
    """Reads rows by their own columns, and remembers what became of every column."""

    def __init__(self, mapping: Mapping[str, str] | None) -> None:
        self._mapping = mapping or {}
        self._plans: dict[tuple[str, ...], RowPlan | None] = {}
        self._last: RowPlan | None = None
        self._others: Counter[str] = Counter()
        self._message_fields: Counter[tuple[str, str]] = Counter()
        self.kinds: dict[str, Kind] = {}
        """All columns so far, in order of appearance."""
        self.kept_columns: dict[str, None] = {}

    def begin_file(self) -> None:
        """Expect no layout of the rows to come: those of another file may have nothing in common with the last ones."""
        self._last = None

    def kind(self, column: str) -> Kind:
        """Return what the name of a column means, and remember the column."""
        kind = self.kinds.get(column)
        if kind is None:
            name = _name(column)
            is_label = name == "label" and column not in self._mapping.values()
            known = column in self._mapping.values() or is_known(column) or name in MEDIA_COLUMNS
            kind = "label" if is_label else "known" if known else "other"
            if len(self.kinds) < MAX_COLUMNS:
                self.kinds[column] = kind
        return kind

    def find(self, row: Mapping[str, Any]) -> RowPlan | None:
        """Return the plan of a row by its filled columns, else by all of its columns; None where neither has a layout.

        Counts nothing.
        """
        plan = self._plan(self._filled(row)[0]) or self._nearest(row)
        self._last = plan or self._last
        return plan

    def read(self, row: object, notes: RowNotes) -> tuple[RowPlan, Row]:
        """Normalize a row and count its columns. Raises BadRow."""
        if not isinstance(row, dict):
            raise BadRow(f"a row is an object with named columns, this is {type_name(row)}")
        known, others = self._filled(row)
        plan = self._plan(known)
        if plan:
            self._last = plan
            self.count(plan, others)
        elif (plan := self._nearest(row)) is None:
            raise BadRow("its columns match no layout")
        if plan.media:
            raise BadRow(f"{plan.media} has a value; models are trained on text only")
        normalized = normalize(plan.layout, plan.columns, row, notes)  # a rejected row takes no place among the kept
        notes.columns = self.kept({column: row[column] for column in (*others, *plan.unused) if column in row})
        if notes.fields:
            self._message_fields.update(notes.fields)
        return plan, normalized

    def count(self, plan: RowPlan, others: Iterable[str]) -> None:
        """Count a row with this plan, and with values in these other columns."""
        plan.rows += 1
        for column in others:
            if column in self.kinds:
                self._others[column] += 1

    def kept(self, values: Mapping[str, Any]) -> dict[str, str | int]:
        """Return the values of columns that no layout uses as far as they may divide rows into slices: short ones."""
        found = {
            column: value
            for column, value in values.items()
            if _is_short(value)
            and _is_short(column)
            and _name(column) not in NEUTRAL_COLUMNS
            and (column in self.kept_columns or len(self.kept_columns) < MAX_KEPT_COLUMNS)
        }
        self.kept_columns.update(dict.fromkeys(found))
        return found

    def missing_mapped_column(self) -> str | None:
        """Return a column that the mapping names and no row has."""
        return next((column for column in self._mapping.values() if column not in self.kinds), None)

    def uses(self) -> list[dict[str, Any]]:
        """Return what became of every column: the fields of `models.ColumnUse`."""
        counts: Counter[tuple[str, str, str]] = Counter()
        for plan in filter(None, self._plans.values()):
            for name, column in plan.columns.items():
                counts[column, "used", column_use(name)] += plan.rows
            for column in plan.unused:
                counts[column, *_unused(column, plan)] += plan.rows
        for column, rows in self._others.items():
            counts[column, *_other(column)] += rows
        counted = {name for (name, _, _), rows in counts.items() if rows}
        counts.update({(column, "ignored", EMPTY): 0 for column in self.kinds if column not in counted})
        for (column, key), rows in sorted(self._message_fields.items()):
            used = MESSAGE_FIELDS.get(key)
            counts[f"{column}[].{key}", *(("used", used) if used else _other(key))] += rows
        position = {column: index for index, column in enumerate(self.kinds)}
        ordered = sorted(counts.items(), key=lambda item: position.get(item[0][0], len(position)))
        return [
            {"name": name, "use": use, "detail": detail, "rows": rows}
            for (name, use, detail), rows in ordered
            if rows or detail == EMPTY
        ]

    def _nearest(self, row: Mapping[str, Any]) -> RowPlan | None:
        """Return the plan by which a row without a layout is rejected: the names in the reason should be familiar."""
        last = self._last
        if last and all(last.columns[column] in row for column in last.layout.required):
            return last
        return self._plan(tuple(row)) or last

    def _filled(self, row: Mapping[str, Any]) -> tuple[tuple[str, ...], list[str]]:
        """Return the filled columns with a known meaning, and the other filled ones.

        A `label` that is no truth value names a class, and rates no answer.
        """
        known, others = [], []
        for column, value in row.items():
            kind = self.kinds.get(column) or self.kind(column)
            if not has_value(value):
                continue
            if kind == "other":
                others.append(column)
            elif kind == "known" or rating(value) is not None:
                known.append(column)
            else:
                known.append(CLASS_PREFIX + column)
        return tuple(known), others

    def _plan(self, columns: tuple[str, ...]) -> RowPlan | None:
        columns = tuple(column for column in columns if self.kinds.get(column) != "other")
        if columns not in self._plans:
            found = find_layout(columns, self._mapping)
            unused = [c.removeprefix(CLASS_PREFIX) for c in columns if found and c not in found[1].values()]
            self._plans[columns] = RowPlan(*found, unused) if found else None
        return self._plans[columns]


def _name(column: str) -> str:
    return column.strip().lower()


def _is_short(value: Any) -> bool:
    """Whether it is a whole number or a text of one line."""
    if isinstance(value, str):
        return len(value) <= MAX_KEPT_CHARS and value.isprintable() and has_value(value)
    return isinstance(value, int) and abs(value) <= MAX_KEPT_NUMBER


def _unused(column: str, plan: RowPlan) -> tuple[str, str]:
    if column == plan.media:
        return "not_understood", "models are trained on text only"
    return "ignored", f"not part of the layout {plan.name}, by which its rows are read"


def _other(name: str) -> tuple[str, str]:
    neutral = {**NEUTRAL_COLUMNS, **MODEL_COLUMNS}.get(_name(name))
    return ("ignored", neutral) if neutral else ("not_understood", "no meaning is known for the name")
