"""Commands where no platform runs."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from anneal import profiles
from cli.background import is_running
from cli.errors import CommandError
from cli.main import cli


@pytest.fixture(autouse=True)
def nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No platform, and no login."""
    monkeypatch.setattr(profiles, "FILE", tmp_path / "profiles.json")
    monkeypatch.setenv("ANNEAL_HOME", str(tmp_path))
    monkeypatch.delenv("ANNEAL_URL", raising=False)


def test_demo_would_start_one() -> None:
    assert not is_running()


def test_completion_suggests_nothing() -> None:
    environment = {"_ANNEAL_COMPLETE": "complete_bash", "COMP_WORDS": "anneal jobs show job", "COMP_CWORD": "3"}
    result = CliRunner().invoke(cli, env=environment, prog_name="anneal")
    assert (result.exit_code, result.output.strip()) == (0, ""), result.output


def test_errors_of_commands_have_their_own_code() -> None:
    assert CommandError("Nothing was done.").problem["code"] == "command_failed"


def test_a_command_says_how_to_start_one() -> None:
    assert "anneal up" in str(CliRunner().invoke(cli, ["jobs"]).exception)
