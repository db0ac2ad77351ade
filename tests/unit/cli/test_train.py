"""The options of `anneal train` are the fields of the API."""

import pytest
from typer.main import get_command
from typer.testing import CliRunner

from cli.commands.train import CLI_ONLY
from cli.commands.train_options import NESTED, RENAMED, request_body
from cli.main import cli
from services.training.jobs.requests import TrainingRequest
from services.training.settings import AllocationRequest, LoraSettings

RUNNER = CliRunner()


def test_every_request_field_is_an_option() -> None:
    command = get_command(cli).commands["train"]  # type: ignore[attr-defined]
    options = {option.name for option in command.params} - {*CLI_ONLY, "help_all"}
    nested = {name for fields in NESTED.values() for name in fields}
    assert {RENAMED.get(name, name) for name in options - nested} | NESTED.keys() == TrainingRequest.model_fields.keys()
    assert set(NESTED["lora"].values()) == LoraSettings.model_fields.keys()
    assert set(NESTED["resources"].values()) == AllocationRequest.model_fields.keys()


def test_request_has_what_was_given() -> None:
    options = {
        "epochs": None,
        "steps": 3,
        "rslora": False,
        "targets": "q_proj, v_proj",
        "memory": 2.0,
        "then": ["deploy"],
    }
    assert request_body(options) == {
        "max_steps": 3,
        "lora": {"rslora": False, "targets": ["q_proj", "v_proj"]},
        "resources": {"memory_gb": 2.0},
        "after": ["deploy"],
    }


@pytest.mark.parametrize(("option", "shown"), [("--help", False), ("--help-all", True)])
def test_help_shows_the_usual_options_or_all(option: str, shown: bool) -> None:
    text = RUNNER.invoke(cli, ["train", option], env={"COLUMNS": "80"}).output
    assert "--epochs" in text
    assert ("--weight-decay" in text) == shown


def test_dry_run_without_an_estimate_is_refused() -> None:
    refused = RUNNER.invoke(
        cli,
        ["train", "ds_00000000000000000000", "--dry-run"],
        env={"ANNEAL_URL": "http://127.0.0.1:1", "ANNEAL_API_KEY": "none"},
    )
    assert refused.exit_code == 2
    assert "add --estimate" in refused.output
