"""Warnings in the terminal: detail, count, example and remedy, and their number beside a state."""

from typing import Any

import pytest
from rich.console import Console

from cli.commands.datasets import report
from cli.output import err, print_warnings, table, with_warnings


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


EVALUATION = "evaluation_1a8ca4de94aea29b066c"
COLUMNS = ("id", "model", "state", "metric", "score", "note")


def shown(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], width: int, *, wide: bool = False
) -> Any:
    monkeypatch.setattr("cli.output.out", Console(width=width))
    row = (EVALUATION, "model_46732032fdc55ebfb5a8", "succeeded", "exact_match", 0.5, "a note of [several] words")
    table(COLUMNS, [row], wide=wide)
    captured = capsys.readouterr()
    return [line.rstrip() for line in captured.out.splitlines()], " ".join(captured.err.split())


def test_table_folds_between_words(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    lines, errors = shown(monkeypatch, capsys, 110)
    assert [line.strip() for line in lines[1:]] == [
        f"{EVALUATION}  model_46732032fdc55ebfb5a8  succeeded  exact_match    0.5  a note of",
        "[several] words",
    ]
    assert not errors


def test_table_leaves_out_columns_that_do_not_fit(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    lines, errors = shown(monkeypatch, capsys, 80)
    assert lines[1].split() == [EVALUATION, "model_46732032fdc55ebfb5a8", "succeeded"]
    assert errors == "Not shown in 80 columns: metric, score, note. --json has all."


def test_a_long_name_leaves_no_column_out(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("cli.output.out", Console(width=80))
    table(("id", "name", "version", "state"), [(EVALUATION, "n" * 40, "bff925b8bff9", "ready")])
    captured = capsys.readouterr()
    assert captured.out.splitlines()[0].split() == ["id", "name", "version", "state"]
    assert not captured.err


def test_wide_table_has_every_column(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    lines, errors = shown(monkeypatch, capsys, 80, wide=True)
    assert len(lines) == 2
    assert lines[1].endswith("a note of [several] words")
    assert not errors


@pytest.mark.parametrize("name", ["[/]", "a [red]name[/red] b", "[bold]"])
def test_names_are_shown_as_they_are(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    report({"name": name, "id": "ds_1", "version": "v1", "state": "ready", "report": None})
    assert capsys.readouterr().out.splitlines()[0] == f"{name}  ds_1@v1  ready"
    err.print(name)
    assert capsys.readouterr().err == f"{name}\n"
