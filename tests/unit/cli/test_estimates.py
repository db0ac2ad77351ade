"""An estimate says that the job would be refused, as `anneal train` would."""

from typing import Any

import pytest

from cli.commands.estimates import show_estimate, show_settings, would_be_refused


def _estimate(unsupported_rows: str, *codes: str) -> dict[str, Any]:
    empty = {"count": None, "example": None, "remedy": None}
    return {
        **dict.fromkeys(("memory", "limit", "trainable_parameters", "tokens", "dtype", "seconds", "measured")),
        "parameters": 1,
        "steps": 1,
        "fitting": [],
        "verdict": "fits",
        "hyperparameters": {"unsupported_rows": unsupported_rows},
        "warnings": [{"code": code, "detail": "Rows have tools.", **empty} for code in codes],
    }


@pytest.mark.parametrize(
    ("found", "refused"),
    [
        (_estimate("refuse", "unsupported_rows"), True),
        (_estimate("skip", "unsupported_rows"), False),
        (_estimate("refuse", "adapter_merged"), False),
    ],
)
def test_estimate_says_that_the_job_would_be_refused(
    found: dict[str, Any], refused: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    show_estimate(found)
    assert ("would be refused" in capsys.readouterr().out) == would_be_refused(found) == refused


def test_settings_are_listed_with_their_origins(capsys: pytest.CaptureFixture[str]) -> None:
    values = {"learning_rate": 0.0005, "epochs": None, "lora.rslora": False}
    settings = [{"name": name, "value": value, "source": "base", "reason": "LoRA"} for name, value in values.items()]
    show_settings({"settings": settings})
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert lines[1:] == [
        ["learning_rate", "0.0005", "base", "model:", "LoRA"],
        ["lora.rslora", "no", "base", "model:", "LoRA"],
    ]
