"""The source of `anneal datasets import` becomes one field of the request."""

import pytest

from cli.commands.datasets import _source
from cli.errors import CommandError


@pytest.mark.parametrize(
    ("source", "field"),
    [
        ("owner/name", {"hub_id": "owner/name"}),
        ("https://huggingface.co/datasets/owner/name", {"hub_id": "owner/name"}),
        ("https://example.org/a.jsonl", {"url": "https://example.org/a.jsonl"}),
        ("s3://anneal/mine/a.jsonl", {"uri": "s3://anneal/mine/a.jsonl"}),
        ("env:PLACE", {"uri": "s3+https://key:word@host/bucket/a.csv"}),
    ],
)
def test_source_is_recognized(source: str, field: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLACE", "s3+https://key:word@host/bucket/a.csv")
    assert _source(source) == field


def test_secret_in_the_command_is_warned_about(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PLACE", "s3+https://key:word@host/bucket/a.csv")
    _source("env:PLACE")
    assert capsys.readouterr().err == ""
    _source("s3+https://key:word@host/bucket/a.csv")
    assert "env:NAME" in capsys.readouterr().err


def test_missing_variable_is_named() -> None:
    with pytest.raises(CommandError, match="NOT_SET_ANYWHERE"):
        _source("env:NOT_SET_ANYWHERE")
