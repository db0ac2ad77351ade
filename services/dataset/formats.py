"""What an upload may look like: file formats, row layouts and limits; known to the API and to the engine alike."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

Form = Literal["text", "messages", "preference"]

DATA_EXTENSIONS = (".txt", ".jsonl", ".json", ".csv", ".parquet")
EXTENSIONS = (*DATA_EXTENSIONS, ".zip")

MAX_ROW_BYTES = 16 << 20
"""Bytes of one line, JSON element or paragraph."""
MAX_CELL = 4 << 20
"""Characters of one cell: a prompt, an answer, a message, a text."""
MAX_ARCHIVE_FILES = 1_000
MAX_RATIO = 100
"""How many times larger than the archive its content may be (small archives: up to SMALL_ARCHIVE bytes)."""
SMALL_ARCHIVE = 64 << 20
REPORTED_ROWS = 20
"""Rejected rows that a report shows; all of them are in rejected.jsonl."""


@dataclass(frozen=True)
class Layout:
    """Columns that mean something together; `optional` ones are used where they are."""

    name: str
    form: Form
    required: tuple[str, ...]
    optional: tuple[str, ...] = ()


LAYOUTS = (
    Layout(
        "preference", "preference", ("chosen", "rejected"), ("prompt", "messages", "conversations", "system", "tools")
    ),
    Layout("OpenAI preference", "preference", ("input", "preferred_output", "non_preferred_output")),
    Layout("messages", "messages", ("messages",), ("system", "tools")),
    Layout("conversations", "messages", ("conversations",), ("system", "tools")),
    Layout("instruction/input/output", "messages", ("instruction", "output"), ("input", "system")),
    Layout("prompt/completion", "messages", ("prompt", "completion"), ("system", "tools")),
    Layout("prompt/response", "messages", ("prompt", "response"), ("system", "tools")),
    Layout("question/answer", "messages", ("question", "answer"), ("system",)),
    Layout("text", "text", ("text",)),
)
"""In order of precedence: the first whose required columns are all there."""

MAPPABLE = sorted({column for layout in LAYOUTS for column in (*layout.required, *layout.optional)})
MAPPING_SYNTAX = '{"prompt": "<your column>", "completion": "<your column>"}'


def recognised() -> list[str]:
    """The column sets that need no mapping, for messages."""
    return [" + ".join(layout.required) for layout in LAYOUTS]


def layout_of(columns: Iterable[str]) -> Layout | None:
    """The layout of a row with these columns, or None."""
    present = set(columns)
    return next((layout for layout in LAYOUTS if present.issuperset(layout.required)), None)


def columns_by_name(columns: Iterable[str], mapping: Mapping[str, str] | None) -> dict[str, str]:
    """Our name of a column -> its name in the file. Case and surrounding spaces do not matter without a mapping."""
    if mapping is None:
        return {column.strip().lower(): column for column in columns}
    present = set(columns)
    return {ours: theirs for ours, theirs in mapping.items() if theirs in present}


def extension_of(filename: str) -> str:
    """`.jsonl` of `Rows.JSONL`; empty without a dot."""
    _, dot, extension = filename.rpartition(".")
    return dot + extension.lower() if dot else ""
