"""Warnings in the terminal: detail, count, example and remedy, and their number beside a state."""

import pytest

from cli.output import print_warnings, with_warnings


def test_warnings_show_count_example_and_remedy(capsys: pytest.CaptureFixture[str]) -> None:
    full = {
        "code": "rows_cut",
        "detail": "Rows were cut.",
        "count": 1200,
        "example": "a[1].jsonl:7",
        "remedy": "Split.",
    }
    print_warnings([full, {"code": "short", "detail": "Few rows.", "count": None, "example": None, "remedy": None}])
    lines = [line.rstrip() for line in capsys.readouterr().err.splitlines()]
    assert lines == [
        "Warning (rows_cut): Rows were cut.",
        "  1,200 found, for example a[1].jsonl:7",
        "  Split.",
        "Warning (short): Few rows.",
    ]


def test_state_says_how_many_warnings_there_are() -> None:
    assert [with_warnings("succeeded", "w" * count) for count in range(3)] == [
        "succeeded",
        "succeeded, 1 warning",
        "succeeded, 2 warnings",
    ]
