"""`anneal`: the command-line client of the platform."""

import os
import sys
from collections.abc import Callable

import typer
from rich.text import Text

from anneal import profiles
from anneal.errors import AnnealError
from cli import __version__
from cli.commands.alias import alias
from cli.commands.chat import chat
from cli.commands.compare import compare
from cli.commands.dataset_versions import datasets
from cli.commands.events import events
from cli.commands.feedback import feedback
from cli.commands.imports import imports
from cli.commands.jobs import jobs, logs
from cli.commands.lineage import lineage
from cli.commands.login import login, logout
from cli.commands.models import models
from cli.commands.platform import link, status, up
from cli.commands.projects import projects, users
from cli.commands.push import push
from cli.commands.reproduce import reproduce
from cli.commands.resources import deployments, evaluations, exports, judgements, keys, presets
from cli.commands.results import evaluate, export
from cli.commands.train import train
from cli.demo import demo
from cli.output import err, examples, print_json

DESCRIPTION = "Fine-tune language models on your own data, on your own machines."

cli = typer.Typer(
    name="anneal",
    help=DESCRIPTION,
    epilog=examples(
        "anneal up",
        "anneal datasets upload tickets.jsonl",
        "anneal train <dataset-id> --watch",
        "anneal chat <model-id>",
        more="[bold]Environment[/]\n"
        "  ANNEAL_HOME     data directory (default: ~/.anneal)\n"
        "  ANNEAL_URL      address of a platform on another machine\n"
        "  ANNEAL_API_KEY  API key for that platform\n"
        "  ANNEAL_PROFILE  profile of `anneal login`",
    ),
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)
PLATFORM, TRAINING, EVALUATION, SERVING = "Platform", "Data & training", "Evaluation & provenance", "Exports & serving"
COMMANDS: dict[str, dict[Callable[..., None], tuple[str, ...]]] = {
    PLATFORM: {
        up: ("anneal up", "anneal up --port 7861"),
        demo: ("anneal demo", "anneal demo --base /models/SmolLM2-135M-Instruct"),
        link: ("anneal link",),
        login: ("anneal login https://anneal.example.org", "anneal login https://anneal.example.org --name production"),
        logout: ("anneal logout --name production",),
        status: ("anneal status", "anneal status --json | jq .ready"),
    },
    TRAINING: {
        train: (
            "anneal train <dataset-id> --watch",
            "anneal train <dataset-id> --base Qwen/Qwen3-0.6B --method qlora --epochs 2",
            "anneal train <dataset-id> --estimate",
            "anneal train <dataset-id> --then evaluate --then deploy",
        ),
        logs: ("anneal logs <job-id>", "anneal logs -f <job-id>"),
    },
    EVALUATION: {
        evaluate: ("anneal evaluate <model-id>", "anneal evaluate <job-id>:88 --metric rouge"),
        compare: (
            "anneal compare <model-id> <model-id>",
            "anneal compare <evaluation-id> <evaluation-id> -o report.md",
        ),
        reproduce: ("anneal reproduce <model-id>", "anneal reproduce <model-id> --json > report.json"),
        lineage: ("anneal lineage <model-id>", "anneal lineage <dataset-id>@<version>"),
    },
    SERVING: {
        chat: (
            "anneal chat <model-id>",
            'anneal chat seedling "What is LoRA?" --temperature 0.7',
            "anneal chat <model-id> - < prompt.txt",
        ),
        export: ("anneal export <model-id>", "anneal export <model-id> --format onnx --output ./exports"),
        push: ("anneal push <export-id> --hub owner/name", "anneal push <export-id> --to env:STORE_ADDRESS"),
    },
}
GROUPS = {
    PLATFORM: (keys, projects, users, events),
    TRAINING: (datasets, models, jobs, presets),
    EVALUATION: (evaluations, judgements, imports),
    SERVING: (deployments, alias, exports, feedback),
}
for panel, commands in COMMANDS.items():
    for command, lines in commands.items():
        cli.command(epilog=examples(*lines), rich_help_panel=panel)(command)
for panel, groups in GROUPS.items():
    for group in groups:
        cli.add_typer(group, name=group.info.name, rich_help_panel=panel)


@cli.callback(invoke_without_command=True, help=DESCRIPTION)
def main(
    show_version: bool = typer.Option(False, "--version", help="Print the version and exit."),
    url: str | None = typer.Option(None, help="Address of the platform; also ANNEAL_URL."),
    key: str | None = typer.Option(None, help="API key. Prefer ANNEAL_API_KEY: others see this command."),
    profile: str | None = typer.Option(None, envvar="ANNEAL_PROFILE", help="Profile of `anneal login`."),
) -> None:
    """Print the version, or set what the client reads."""
    chosen = profiles.named(profile) if profile else {}
    given = {"ANNEAL_URL": url or chosen.get("url"), "ANNEAL_API_KEY": key or chosen.get("key")}
    os.environ.update({name: value for name, value in given.items() if value})
    if show_version:
        typer.echo(__version__)
        raise typer.Exit


def app() -> None:
    """Run the CLI; a failed command prints one clear message, never a traceback."""
    try:
        cli()
    except AnnealError as error:
        if "--json" in sys.argv:
            print_json({"error": error.problem})
        err.print(Text("Error:", style="red"), str(error), highlight=False)
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)
