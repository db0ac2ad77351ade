"""`anneal datasets`: upload data, and inspect its report and its rows."""

import json as jsonlib
import time
from pathlib import Path
from typing import Annotated, Any, BinaryIO

import typer
from rich.progress import Progress, TaskID

from cli.client import Client, CommandError
from cli.output import Json, err, examples, out, print_json, progress_bar, size, table

datasets = typer.Typer(
    name="datasets",
    help="Manage datasets. Without a subcommand, list them, newest first.",
    epilog=examples("anneal datasets", "anneal datasets upload tickets.jsonl", "anneal datasets show <dataset-id>"),
    invoke_without_command=True,
)
POLL_INTERVAL_S = 0.5
DatasetId = Annotated[str, typer.Argument(help="Dataset id, as listed by `anneal datasets`.")]


class _ProgressFile:
    """A file that advances a progress bar as it is read."""

    def __init__(self, file: BinaryIO, bar: Progress, task: TaskID) -> None:
        self._file, self._bar, self._task = file, bar, task

    def read(self, count: int = -1) -> bytes:
        """Read, and advance the bar."""
        chunk = self._file.read(count)
        self._bar.advance(self._task, len(chunk))
        return chunk

    def seek(self, offset: int, whence: int = 0) -> int:
        """Delegate to the file."""
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        """Delegate to the file."""
        return self._file.tell()

    def fileno(self) -> int:
        """Delegate to the file."""
        return self._file.fileno()


def send(client: Client, file: Path, fields: dict[str, str]) -> dict[str, Any]:
    """Upload a file with a progress bar, and wait until it is validated."""
    bar = progress_bar(count="{task.fields[shown]}")
    with file.open("rb") as opened, bar:
        task = bar.add_task("uploading", total=file.stat().st_size, shown=size(file.stat().st_size))
        dataset: dict[str, Any] = client.upload("/datasets/upload", _ProgressFile(opened, bar, task), file.name, fields)
        while dataset["state"] == "validating":
            bar.update(task, description="validating")
            time.sleep(POLL_INTERVAL_S)
            dataset = client.get(f"/datasets/{dataset['id']}")
    latest: dict[str, Any] = dataset["versions"][0]
    if latest["state"] in ("rejected", "failed"):
        raise CommandError(f"{latest['detail']} ({latest['code']})", latest)
    return dataset


@datasets.command(
    epilog=examples(
        "anneal datasets upload tickets.jsonl --name support",
        "anneal datasets upload faq.csv --map prompt=question --map completion=answer",
        "anneal datasets upload test.jsonl --held-out",
    )
)
def upload(
    file: Annotated[
        Path,
        typer.Argument(
            exists=True, dir_okay=False, help="File to upload: .txt, .jsonl, .json, .csv, .parquet or .zip."
        ),
    ],
    name: Annotated[
        str | None, typer.Option(help="Dataset name; an existing name gets a new version. Default: the file name.")
    ] = None,
    column: Annotated[
        list[str] | None, typer.Option("--map", help="Map a column to a role as role=column; repeat for several roles.")
    ] = None,
    validation_share: Annotated[
        float | None, typer.Option(help="Share of rows in the validation split, 0 to 1.")
    ] = None,
    max_bad_share: Annotated[
        float | None, typer.Option(help="Reject the upload if more than this share of rows is bad, 0 to 1.")
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Random seed of the split.")] = None,
    held_out: Annotated[
        bool, typer.Option("--held-out", help="Mark as test set: all rows go to the validation split.")
    ] = False,
    json: Json = False,
) -> None:
    """Upload a file as a dataset: validate every row and split the data."""
    mapping = dict(pair.split("=", 1) for pair in column or [] if "=" in pair)
    if len(mapping) != len(column or []):
        raise CommandError("--map takes role=column, e.g. --map prompt=question.")
    given = {
        "name": name,
        "mapping": jsonlib.dumps(mapping) if mapping else None,
        "validation_share": validation_share,
        "max_bad_share": max_bad_share,
        "seed": seed,
        "heldout": held_out or None,
    }
    dataset = send(Client(), file, {k: str(v) for k, v in given.items() if v is not None})
    print_json(dataset) if json else report(dataset)


def report(dataset: dict[str, Any]) -> None:
    """Print a dataset and its validation report."""
    out.print(f"[bold]{dataset['name']}[/]  {dataset['id']}@{dataset['version']}  {dataset['state']}")
    found = dataset["report"] or {}
    shown = ("rows", "rejected", "duplicates", "layout", "form", "columns", "splits", "characters")
    table(["", ""], [[name, _format(found[name])] for name in shown if name in found])
    for bad in found.get("rejected_rows", []):
        err.print(f"  {bad['file']}:{bad['line']}: {bad['reason']}", markup=False)


def _format(value: Any) -> str:
    """Format lists and named counts without brackets."""
    if isinstance(value, dict):
        return ", ".join(f"{name} {count:,}" for name, count in value.items())
    return ", ".join(value) if isinstance(value, list) else f"{value:,}" if isinstance(value, int) else str(value)


@datasets.callback()
def list_datasets(
    context: typer.Context,
    limit: Annotated[int, typer.Option(help="Maximum number of datasets.")] = 50,
    json: Json = False,
) -> None:
    """List datasets, newest first."""
    if context.invoked_subcommand:
        return
    page = Client().get("/datasets", limit=limit)
    if json:
        print_json(page)
        return
    columns = ["id", "name", "version", "state", "rows"]
    table(columns, [[dataset[column] for column in columns] for dataset in page["items"]])


@datasets.command("show")
def show(dataset_id: DatasetId, json: Json = False) -> None:
    """Show a dataset and its validation report."""
    dataset = Client().get(f"/datasets/{dataset_id}")
    print_json(dataset) if json else report(dataset)


@datasets.command(
    epilog=examples("anneal datasets preview <dataset-id>", "anneal datasets preview <dataset-id> --base seedling")
)
def preview(
    dataset_id: DatasetId,
    split: Annotated[str, typer.Option(help="Split: train or validation.")] = "train",
    limit: Annotated[int, typer.Option(help="Maximum number of rows.")] = 5,
    base: Annotated[
        str | None, typer.Option(help="Render with the chat template of this base model; trained tokens are green.")
    ] = None,
    json: Json = False,
) -> None:
    """Show normalized rows, or with --base the text that the model is trained on."""
    client = Client()
    found = client.get(f"/datasets/{dataset_id}/preview", split=split, limit=limit)
    if base is None:
        print_json(found) if json else _print_rows(found["rows"])
        return
    path, rows = f"/datasets/{dataset_id}/rendered", range(len(found["rows"]))
    rendered = [client.get(path, base=base, split=split, row=row) for row in rows]
    print_json(rendered) if json else _print_rendered(rendered)


def _print_rows(rows: list[dict[str, Any]]) -> None:
    for row in rows:
        out.print(f"[dim]{row['source']}[/]")
        out.print_json(data=row["row"])


def _print_rendered(rows: list[dict[str, Any]]) -> None:
    for row in rows:
        out.print(f"[dim]{row['source']}[/]")
        for sample in row["samples"]:
            for span in sample["spans"]:
                style = "green" if span["trained"] else "dim"
                out.print(span["text"], style=style, end="", markup=False, highlight=False)
            out.print(f"[dim]{sample['tokens']} tokens, {sample['trained_tokens']} trained[/]\n")


@datasets.command()
def delete(dataset_id: DatasetId) -> None:
    """Delete a dataset and all its versions."""
    Client().delete(f"/datasets/{dataset_id}")
    out.print(f"deleted {dataset_id}")
