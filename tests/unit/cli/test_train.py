"""What `anneal train` asks for is what the API takes."""

from typer.main import get_command

from cli.commands.train import LORA, OURS, RENAMED
from cli.main import cli
from services.training.jobs.requests import TrainingRequest
from services.training.settings import LoraSettings


def test_every_option_is_a_field_of_the_request() -> None:
    options = {option.name for option in get_command(cli).commands["train"].params} - set(OURS)  # type: ignore[attr-defined]
    asked = {RENAMED.get(name, name) for name in options - set(LORA)}
    assert asked <= TrainingRequest.model_fields.keys()
    assert set(LORA) <= LoraSettings.model_fields.keys() & options
    assert set(RENAMED) <= options
