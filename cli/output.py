"""Terminal output: tables, progress bars, sparklines, examples in help texts, and JSON for `--json`."""

import json
import re
from collections.abc import Iterable, Sequence, Sized
from typing import Annotated, Any

import typer
from rich.cells import cell_len
from rich.console import Console
from rich.padding import Padding
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from cli.remedies import for_commands

out = Console(markup=False)
err = Console(stderr=True, markup=False)

Json = Annotated[bool, typer.Option("--json", help="Print JSON, for scripts.")]

WHOLE_ID = re.compile(r"[a-z]+_[0-9a-f]{20}(-ckpt-step-[0-9]+)?")
LONGEST_WORDS = (34, 16)
"""Characters of a word that is not folded; the second where columns would be left out otherwise."""
GAP = 2
"""Columns of the terminal between two columns of a table."""
SPARKS = "▁▂▃▄▅▆▇█"


def examples(*commands: str, more: str = "") -> str:
    """Return a help epilog with one example command per line, then `more`."""
    return "\n".join(["[bold]Examples[/]", *(f"  $ {command}" for command in commands), *(["", more] if more else [])])


def print_json(value: Any) -> None:
    """Print a value as indented JSON on stdout."""
    typer.echo(json.dumps(value, indent=2, ensure_ascii=False))


def table(
    columns: Sequence[str], rows: Iterable[Sequence[Any]], title: str | None = None, *, wide: bool = False
) -> None:
    """Print rows under column names, numbers right-aligned, ids whole.

    Where the terminal is too narrow, cells fold between words; then the last columns are left out, and named on
    stderr. `wide` prints every row on one line, however long.
    """
    rows = [list(row) for row in rows]
    cells = [[str(column), *(_cell(row[index]) for row in rows)] for index, column in enumerate(columns)]
    natural = [max(map(cell_len, column)) for column in cells]
    least = [[_narrowest(column, index, word) for index, column in enumerate(cells)] for word in LONGEST_WORDS]
    widths = natural if wide else max((_fitted(natural, narrowest) for narrowest in least), key=len)
    shown = Table(title=title, title_justify="left", header_style="bold", box=None, pad_edge=False)
    for index, width in enumerate(widths):
        numeric = all(isinstance(row[index], int | float) for row in rows) and bool(rows)
        shown.add_column(columns[index], justify="right" if numeric else "left", overflow="fold", width=width)
    for row in zip(*(column[1:] for column in cells[: len(widths)]), strict=True):
        shown.add_row(*map(Text, row))
    (Console(width=max(out.width, sum(widths) + GAP * len(widths))) if wide else out).print(shown)
    if left_out := columns[len(widths) :]:
        err.print(f"Not shown in {out.width} columns: {', '.join(left_out)}. --json has all.", highlight=False)


def _narrowest(cells: Sequence[str], index: int, longest: int) -> int:
    """The width that a column needs at least: all of ids and of first columns, else `longest` of the longest word."""
    if index == 0 or all(WHOLE_ID.fullmatch(cell) for cell in cells[1:]):
        return max(map(cell_len, cells))
    return max(min(cell_len(word), longest) for cell in cells for word in cell.split() or [""])


def _fitted(natural: Sequence[int], narrowest: Sequence[int]) -> list[int]:
    """Widths that fit the terminal, the widest columns narrowed first; fewer columns where they do not fit."""
    count = len(natural)
    while count > 1 and sum(narrowest[:count]) + GAP * (count - 1) > out.width:
        count -= 1
    widths = list(natural[:count])
    while sum(widths) + GAP * (count - 1) > out.width:
        reducible = [index for index in range(count) if widths[index] > narrowest[index]]
        if not reducible:
            break
        widths[max(reducible, key=widths.__getitem__)] -= 1
    return widths


def print_warnings(warnings: Iterable[dict[str, Any]]) -> None:
    """Print warnings of a dataset, an estimate, a job or an evaluation to stderr: detail, count, example and remedy."""
    for warning in warnings:
        err.print(Text(f"Warning ({warning['code']}): ", style="yellow").append(warning["detail"], style="default"))
        found = [f"{warning['count']:,} found"] if warning.get("count") is not None else []
        found += [f"for example {warning['example']}"] if warning.get("example") else []
        for line in filter(None, (", ".join(found), for_commands(warning.get("remedy") or ""))):
            err.print(Padding(Text(line), (0, 0, 0, 2), expand=False))


def with_warnings(state: str, warnings: Sized) -> str:
    """Return a state and the number of its warnings: `succeeded, 2 warnings`."""
    return ", ".join(filter(None, (state, count_warnings(warnings))))


def count_warnings(warnings: Sized) -> str:
    """Return `1 warning`, `2 warnings`, or nothing."""
    count = len(warnings)
    return f"{count} warning{'' if count == 1 else 's'}" if count else ""


def _cell(value: Any) -> str:
    if value is None:
        return "–"
    return f"{value:,.4g}" if isinstance(value, float) else f"{value:,}" if isinstance(value, int) else str(value)


def plain(value: Any) -> str:
    """A value as a person writes it: yes and no, lists with commas, the names and values of an object."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(map(plain, value))
    if isinstance(value, dict):
        return ", ".join(f"{name} {plain(each)}" for name, each in value.items())
    return "–" if value is None else f"{value:,.4g}" if isinstance(value, float) else str(value)


def size(count: float) -> str:
    """Format a number of bytes in decimal units."""
    for unit in ("B", "kB", "MB", "GB"):
        if count < 1000:
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.1f} TB"


def duration(seconds: float | None) -> str:
    """Format seconds as 1:23 or 1:02:03."""
    if seconds is None:
        return "–"
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def sparkline(values: Sequence[float], width: int = 24) -> str:
    """Draw a series as a sparkline of at most `width` characters."""
    if not values:
        return ""
    step = max(1, len(values) / width)
    picked = [values[int(i * step)] for i in range(min(width, len(values)))]
    low, high = min(picked), max(picked)
    return "".join(SPARKS[int((v - low) / ((high - low) or 1) * (len(SPARKS) - 1))] for v in picked)


def progress_bar(**columns: str) -> Progress:
    """Return a progress bar on stderr with additional text columns, given as templates."""
    texts = [TextColumn(template, markup=False) for template in columns.values()]
    return Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=30),
        *texts,
        TimeElapsedColumn(),
        console=err,
        transient=False,
    )
