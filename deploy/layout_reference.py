"""Texts generated from services/dataset/layouts.py: a section of formats.md and the browser app's copy."""

import json
from pathlib import Path

from services.dataset.layouts import COLUMNS, LAYOUTS, ROW_COLUMNS, Layout

FORMATS = Path("docs/reference/formats.md")
APP_LAYOUTS = Path("services/gateway/web/src/app/datasets/layouts.generated.ts")
START, END = "<!-- layouts: written by `make reference` -->\n", "<!-- end of layouts -->\n"
TYPESCRIPT = """\
/** Dataset layouts, written by `make reference` from services/dataset/layouts.py. Do not edit. */

export interface Layout {
  name: string;
  required: string[];
  optional: string[];
}

"""


def layout_texts() -> dict[Path, str]:
    """Return the generated files with their contents."""
    before, _, rest = FORMATS.read_text().partition(START)
    _, _, after = rest.partition(END)
    return {FORMATS: f"{before}{START}\n{_markdown()}\n{END}{after}", APP_LAYOUTS: TYPESCRIPT + _typescript()}


def _markdown() -> str:
    lines = ["| Columns | Optional | Becomes |", "|---|---|---|"]
    for layout in LAYOUTS:
        cells = (_code(layout.required), _code(_optional(layout)), layout.description)
        lines.append(f"| {' | '.join(cells)} |")
    lines += ["", "| Column | Other names | Used as |", "|---|---|---|"]
    lines += [f"| `{column.name}` | {_code(column.aliases)} | {column.use} |" for column in COLUMNS]
    examples = [json.dumps(layout.example) for layout in LAYOUTS]
    return "\n".join([*lines, "", "A row of each layout, in the same order:", "", "```", *examples, "```", ""])


def _optional(layout: Layout) -> tuple[str, ...]:
    return layout.optional + ROW_COLUMNS


def _code(columns: tuple[str, ...]) -> str:
    return ", ".join(f"`{column}`" for column in columns)


def _typescript() -> str:
    return f"export const LAYOUTS: Layout[] = [\n{''.join(map(_typescript_object, LAYOUTS))}];\n"


def _typescript_object(layout: Layout) -> str:
    fields = (
        f"name: '{layout.name}'",
        f"required: {_array(layout.required)}",
        f"optional: {_array(_optional(layout))}",
    )
    return f"  {{ {', '.join(fields)} }},\n"


def _array(columns: tuple[str, ...]) -> str:
    return f"[{', '.join(map(repr, columns))}]"
