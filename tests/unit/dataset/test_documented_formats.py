"""The table of documented formats in docs/guides/datasets.md says what happens to a row of each."""

from pathlib import Path

import pytest

from services.dataset.engine.columns import ColumnReader
from services.dataset.engine.lines import BadRow
from services.dataset.engine.messages import RowNotes
from tests.unit.dataset.documented_formats import FORMATS

GUIDE = Path("docs/guides/datasets.md")
READ_AS = {
    "text": "text",
    "messages": "conversation",
    "preference": "preference pair",
    "unpaired": "unpaired preference",
}


def documented() -> dict[tuple[str, str], str]:
    """Return (tool, format) -> the cell `Read as`."""
    table = GUIDE.read_text().partition("| Tool | Format | Read as |")[2].partition("\n\n")[0]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()[2:]]
    return {(tool, name): read_as for tool, name, read_as in rows}


def test_the_guide_lists_every_format() -> None:
    assert list(documented()) == list(FORMATS)


@pytest.mark.parametrize("key", FORMATS, ids=": ".join)
def test_row_of_a_documented_format(key: tuple[str, str]) -> None:
    row, expected = FORMATS[key]
    read_as, reader = documented()[key], ColumnReader(None)
    if isinstance(expected, str):
        assert read_as.startswith("refused")
        with pytest.raises(BadRow, match=expected):
            reader.read(row, RowNotes())
        return
    plan, normalized = reader.read(row, RowNotes())
    assert normalized == expected
    assert read_as.split(";")[0].split(",")[0] == READ_AS[plan.layout.form]
    assert {use["use"] for use in reader.uses() if use["rows"]} <= {"used", "ignored"}
