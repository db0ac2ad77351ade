"""`anneal`: the terminal client of the platform."""

import sys

import typer

from cli import __version__
from cli.client import CommandError
from cli.commands.chat import chat
from cli.commands.datasets import datasets
from cli.commands.events import events
from cli.commands.jobs import jobs, logs
from cli.commands.models import models
from cli.commands.platform import link, status, up
from cli.commands.results import evaluate, export
from cli.commands.train import train
from cli.demo import demo
from cli.output import err, print_json

cli = typer.Typer(
    name="anneal",
    help="Fine-tune language models on your own data, on your own machines.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)
for command in (up, demo, link, status, train, logs, evaluate, export, chat):
    cli.command()(command)
for group in (datasets, models, jobs, events):
    cli.add_typer(group, name=group.info.name)


@cli.callback(invoke_without_command=True)
def version(show: bool = typer.Option(False, "--version", help="Print the version.")) -> None:
    """Fine-tune language models on your own data, on your own machines."""
    if show:
        typer.echo(__version__)
        raise typer.Exit


def app() -> None:
    """The entry point: a failed command is one clear message, never a traceback."""
    try:
        cli()
    except CommandError as error:
        if "--json" in sys.argv:
            print_json({"error": error.problem})
        err.print(f"[red]Error:[/] {error}", highlight=False)
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)
