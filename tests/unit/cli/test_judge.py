"""`anneal compare --judge`: its request, and a result that fits a terminal of 80 columns."""

from pathlib import Path

import pytest

from cli.commands.judge import COLUMNS, request_body, result_rows
from cli.errors import CommandError
from cli.output import out, table


def test_request_names_sides_judge_and_votes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JUDGE_KEY", "sk-1")
    (tmp_path / "prompt.txt").write_text("{{ item.answer_1 }} {{ item.answer_2 }}")
    body = request_body(["a", "b"], "gpt", "https://host/v1", "JUDGE_KEY", rows=5, prompt=tmp_path / "prompt.txt")
    judge = {"model": "gpt", "base_url": "https://host/v1", "api_key": "sk-1"}
    prompt = "{{ item.answer_1 }} {{ item.answer_2 }}"
    assert body == {"baseline": "a", "candidate": "b", "judge": judge, "rows": 5, "prompt": prompt}
    assert request_body(["a"], "m", None, None) == {"candidate": "a", "judge": {"model": "m"}}
    assert request_body(["a"], "m", None, None, rows=0)["rows"] == 0, "for the service to refuse"
    votes = request_body(["a"], "m", None, None, votes="v", vote=["tie=x", "tie=y", "candidate=a=b"])["votes"]
    assert votes == {"column": "v", "tie": ["x", "y"], "candidate": ["a=b"]}


@pytest.mark.parametrize(
    ("ids", "url", "env", "options"),
    [
        (["a", "b", "c"], None, None, {}),
        (["a"], None, "JUDGE_KEY", {}),
        (["a"], None, None, {"vote": ["tie=x"]}),
        (["a"], None, None, {"votes": "v", "vote": ["draw=x"]}),
        (["a"], None, None, {"votes": "v", "vote": ["tie"]}),
    ],
)
def test_options_that_would_not_be_used_are_refused(
    ids: list[str], url: str | None, env: str | None, options: dict[str, object]
) -> None:
    with pytest.raises(CommandError):
        request_body(ids, "m", url, env, **options)


def test_table_has_80_columns_at_most(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(out, "_width", 80)
    result = {
        "win_rate": 0.6123,
        "interval": [0.5, 0.7],
        "wins": 1000,
        "losses": 900,
        "ties": 100,
        "inconsistent": 40,
        "identical": 10,
        "consistency": None,
        "consistency_interval": None,
        "position": {"first_share": 0.512, "interval": [0.49, 0.53]},
        "votes": {"rows": 200, "kappa": 0.4918, "interval": [0.38, 0.6], "unknown_values": {"?": 2}},
        "errors": {"unparsable_verdict": 3},
    }
    table(COLUMNS, result_rows(result))
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 80
    assert [line.split("  ")[0] for line in lines[-3:]] == [
        "kappa with 200 votes",
        "unknown vote '?'",
        "not judged: unparsable_verdict",
    ]
    assert "61.2%" in lines[1]
    assert "50.0% to 70.0%" in lines[1]
