"""`anneal compare` fits a terminal of 80 columns."""

import pytest

from cli.commands.compare import COLUMNS, comparison_rows
from cli.output import out, table


def test_table_has_80_columns_at_most(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(out, "_width", 80)
    test = {"difference": -0.12345, "interval": [-0.1234, -0.0123], "p_adjusted": 0.00123}
    entries = [
        {"evaluation_id": "a", "score": 0.98765, "interval": [0.9765, 0.9912], "comparison": None},
        {"evaluation_id": "b", "score": 0.8642, "interval": [0.8123, 0.9012], "comparison": test},
    ]
    rows = comparison_rows({"leaderboards": [{"metric": "number_match", "entries": entries}]}, {"a": "A", "b": "B"})
    table(COLUMNS, rows)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 3
    assert max(map(len, lines)) <= 80
    assert lines[2].split(maxsplit=2)[:2] == ["B", "0.8642"]
    assert lines[2].endswith("-0.123      -0.123 to -0.0123  0.00123")
