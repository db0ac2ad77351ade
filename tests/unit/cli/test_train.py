"""The options of `anneal train` match the fields of the API."""

from typer.main import get_command

from cli.commands.train import CLI_ONLY, LORA_FIELDS, RENAMED
from cli.main import cli
from services.training.jobs.requests import TrainingRequest
from services.training.settings import LoraSettings


def test_every_option_is_a_request_field() -> None:
    options = {option.name for option in get_command(cli).commands["train"].params} - set(CLI_ONLY)  # type: ignore[attr-defined]
    fields = {RENAMED.get(name, name) for name in options - set(LORA_FIELDS)}
    assert fields <= TrainingRequest.model_fields.keys()
    assert set(LORA_FIELDS) <= LoraSettings.model_fields.keys() & options
    assert set(RENAMED) <= options
