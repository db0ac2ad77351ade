"""The data cases: what users of other tools bring, and what happens to it here; each is the test that it decorates.

`python -m tests.support.data_cases` writes docs/reference/data-cases.md from them; `--check` only compares.
"""

import ast
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

from tests.support.generated_page import write_or_check

PAGE = Path("docs/reference/data-cases.md")
HEAD = (
    "What users of other tools bring, and what happens to it here. Every row is a test; `make reference` writes this "
    "page from the tests."
)
Test = TypeVar("Test", bound=Callable[..., object])


def data_case(area: str, case: str, outcome: str, source: str = "") -> Callable[[Test], Test]:
    """Mark the test of a case. All arguments are literals: the page is written from the source, without imports.

    `area` is the heading (Columns, Loss masks, Preferences, Splits, Files, Import, Templates, Ends, Scores, API),
    `case` what the user brings, `outcome` what happens, `source` where it was reported, such as `huggingface/trl#1116`.
    """
    return lambda test: test


def render(tests: Path) -> str:
    """Return the page."""
    by_area: dict[str, list[str]] = defaultdict(list)
    for path in sorted(tests.rglob("test_*.py")):
        for test, (area, case, outcome, source) in _cases(path):
            link = f"[`{test}`](../../{path.as_posix()})"
            by_area[area].append(f"| {case} | {outcome} | {source} | {link} |")
    lines = ["# Data cases", "", HEAD]
    for area, rows in sorted(by_area.items()):
        lines += ["", f"## {area}", "", "| Case | What happens | Reported in | Test |", "|---|---|---|---|", *rows]
    return "\n".join([*lines, ""])


def _cases(path: Path) -> Iterator[tuple[str, tuple[str, str, str, str]]]:
    text = path.read_text()
    if "data_case(" not in text:
        return
    for node in ast.walk(ast.parse(text)):
        for mark in node.decorator_list if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) else ():
            if isinstance(mark, ast.Call) and isinstance(mark.func, ast.Name) and mark.func.id == "data_case":
                given = [ast.literal_eval(value) for value in mark.args]
                named = {word.arg: ast.literal_eval(word.value) for word in mark.keywords}
                names = ("area", "case", "outcome", "source")
                values = {**dict(zip(names, given, strict=False)), **named}
                yield node.name, (values["area"], values["case"], values["outcome"], values.get("source", ""))


def main() -> None:
    """Write the page, or with --check exit with a message where it is out of date."""
    write_or_check(PAGE, render(Path("tests")))


if __name__ == "__main__":
    main()
