"""`anneal datasets`: upload data, and inspect its report and its rows."""

import json as jsonlib
import os
import re
import time
from pathlib import Path
from typing import Annotated, Any, BinaryIO

import typer
from rich.progress import Progress, TaskID
from rich.text import Text

from cli import resources
from cli.client import Client
from cli.errors import CommandError
from cli.output import Json, err, examples, out, print_json, print_warnings, progress_bar, size, table, with_warnings
from cli.resources import ListByDefault, Quiet, Wide, Yes, named, named_option, print_page

datasets = typer.Typer(
    name="datasets",
    help="Manage datasets. Without a subcommand, list them, newest first.",
    epilog=examples("anneal datasets", "anneal datasets upload tickets.jsonl", "anneal datasets show <dataset-id>"),
    cls=ListByDefault,
)
POLL_INTERVAL_S = 0.5
DatasetId = Annotated[str, named("dataset", "The dataset.")]


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
            exists=True,
            dir_okay=False,
            help="File to upload: .txt, .jsonl, .json, .csv, .tsv (also .gz), .parquet, .arrow or .zip.",
        ),
    ],
    name: Annotated[
        str | None, typer.Option(help="Dataset name; an existing name gets a new version. Default: the file name.")
    ] = None,
    column: Annotated[
        list[str] | None, typer.Option("--map", help="Map a column to a role as role=column; repeat for several roles.")
    ] = None,
    validation_share: Annotated[
        float | None, typer.Option(help="Share of rows in the validation split, 0 to 0.9.")
    ] = None,
    max_bad_share: Annotated[
        float | None, typer.Option(help="Reject the upload if more than this share of rows is bad, 0 to 1.")
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Random seed of the split.")] = None,
    encoding: Annotated[
        str | None, typer.Option(help="Encoding of a text file, such as windows-1252 (Latin-1). Default: utf-8.")
    ] = None,
    held_out: Annotated[
        bool, typer.Option("--held-out", help="Mark as test set: all rows go to the validation split.")
    ] = False,
    json: Json = False,
) -> None:
    """Upload a file as a dataset: validate every row and split the data."""
    mapping = _mapping(column)
    given = {
        "name": name,
        "mapping": jsonlib.dumps(mapping) if mapping else None,
        "validation_share": validation_share,
        "max_bad_share": max_bad_share,
        "seed": seed,
        "encoding": encoding,
        "heldout": held_out or None,
    }
    dataset = send(Client(), file, {k: str(v) for k, v in given.items() if v is not None})
    print_json(dataset) if json else report(dataset)


def _mapping(column: list[str] | None) -> dict[str, str] | None:
    """Return the roles and columns of `--map`."""
    mapping = dict(pair.split("=", 1) for pair in column or [] if "=" in pair)
    if len(mapping) != len(column or []):
        raise CommandError("--map takes role=column, e.g. --map prompt=question.")
    return mapping or None


@datasets.command(
    "import",
    epilog=examples(
        "anneal datasets import owner/name",
        "anneal datasets import owner/name --config en --split train --revision v1.2",
        "anneal datasets import owner/private --token-env HF_TOKEN",
        "anneal datasets import https://example.org/tickets.jsonl.zip --name support",
        "anneal datasets import s3://anneal/my-project/tickets.parquet",
        "anneal datasets import env:STORE_ADDRESS",
        more="Nothing is downloaded unless asked for here, and no code of a dataset is run. The files are then checked "
        "like an upload. Ctrl-C leaves the import running.",
    ),
)
def import_dataset(
    source: Annotated[
        str,
        typer.Argument(
            help="Dataset id on the Hugging Face Hub (owner/name), an https address, or an S3 address: "
            "s3://bucket/project/path in the platform's own store, or s3+https://key:secret@host/bucket/path. "
            "env:NAME reads it from an environment variable, for addresses with a secret."
        ),
    ],
    config: Annotated[str | None, typer.Option(help="Configuration of a hub dataset that has several.")] = None,
    split: Annotated[
        str | None, typer.Option(help="Import only this split of a hub dataset. Default: all, each kept apart.")
    ] = None,
    revision: Annotated[
        str | None, typer.Option(help="Branch, tag or commit of a hub dataset. Default: the latest commit.")
    ] = None,
    name: Annotated[
        str | None, typer.Option(help="Dataset name; an existing name gets a new version. Default: the source's name.")
    ] = None,
    column: Annotated[
        list[str] | None, typer.Option("--map", help="Map a column to a role as role=column; repeat for several roles.")
    ] = None,
    token_env: Annotated[
        str | None, typer.Option(help="Environment variable with a hub token, for a private or gated dataset.")
    ] = None,
    ask_token: Annotated[bool, typer.Option("--ask-token", help="Ask for a hub token; it is not shown.")] = False,
    json: Json = False,
) -> None:
    """Import a dataset from the Hugging Face Hub, a web address or an object store."""
    token = typer.prompt("Hub token", hide_input=True, err=True) if ask_token else None
    given = {
        **_source(source),
        "config": config,
        "split": split,
        "revision": revision,
        "name": name,
        "mapping": _mapping(column),
        "token": variable(token_env) if token_env else token,
    }
    import_and_report(Client(), given, json=json)


def import_and_report(client: Client, given: dict[str, Any], *, json: bool) -> None:
    """Import what the fields that are not None name, and report the dataset."""
    started = client.post("/datasets/import", {field: value for field, value in given.items() if value is not None})
    try:
        found = _follow_import(client, started)
    except KeyboardInterrupt:
        err.print(
            f"The import continues. See it with: anneal datasets imports {started['id']}\n"
            f"Stop it with: anneal datasets cancel-import {started['id']}",
            highlight=False,
        )
        raise typer.Exit(130) from None
    if found["state"] != "ready":
        raise CommandError(f"{found['detail'] or 'The import is ' + found['state']} ({found['code']})", found)
    dataset = client.get(f"/datasets/{found['dataset_id']}")
    print_json(dataset) if json else report(dataset)
    if left_out := found["origin"]["left_out"]:
        reasons = ", ".join(f"{count} {reason.replace('_', ' ')}" for reason, count in left_out.items())
        err.print(f"Left out of the data: {reasons}.", highlight=False)


def _source(source: str) -> dict[str, str]:
    """Return the field of the request that this source is; a dataset's page on the hub is its id."""
    if source.startswith("env:"):
        source = variable(source.removeprefix("env:"))
    elif "@" in source.partition("://")[2].partition("/")[0]:
        err.print("Warning: other users of this machine can see the secret in this command. Use env:NAME instead.")
    page = re.fullmatch(r"https://huggingface\.co/datasets/([\w.-]+/[\w.-]+)/?", source)
    if page:
        return {"hub_id": page[1]}
    scheme = source.partition("://")[0] if "://" in source else ""
    return {"uri" if scheme.startswith("s3") else "url" if scheme else "hub_id": source}


def variable(name: str) -> str:
    """Return the value of an environment variable."""
    if not (value := os.environ.get(name)):
        raise CommandError(f"The environment variable {name} is not set.")
    return value


def _follow_import(client: Client, found: dict[str, Any]) -> dict[str, Any]:
    """Show the progress of an import until it ends."""
    with progress_bar(count="{task.fields[shown]}") as bar:
        task = bar.add_task("downloading", total=None, shown="")
        while found["state"] in ("downloading", "validating"):
            done, total = found["bytes_done"], found["bytes_total"]
            shown = f"{size(done)} of {size(total)}" if total else size(done)
            if found["state"] == "validating":
                shown = f"{found['checked_rows']:,} rows"
            bar.update(task, description=found["state"], completed=done, total=total, shown=shown)
            time.sleep(POLL_INTERVAL_S)
            found = client.get(f"/datasets/imports/{found['id']}")
    return found


@datasets.command(epilog=examples("anneal datasets imports", "anneal datasets imports <import-id>"))
def imports(
    import_id: Annotated[str | None, typer.Argument(help="Import id; default: list them.")] = None,
    limit: Annotated[int, typer.Option(help="Maximum number of imports.")] = 50,
    json: Json = False,
) -> None:
    """List imports, newest first, or show one."""
    path = f"/datasets/imports/{import_id}" if import_id else "/datasets/imports"
    found = Client().get(path, limit=None if import_id else limit)
    if json:
        print_json(found)
        return
    rows = [
        [one["id"], one["state"], one["origin"]["location"], size(one["bytes_done"]), one["dataset_id"], one["detail"]]
        for one in ([found] if import_id else found["items"])
    ]
    table(["id", "state", "source", "downloaded", "dataset", "detail"], rows)


@datasets.command("cancel-import")
def cancel_import(import_id: Annotated[str, typer.Argument(help="Import id.")]) -> None:
    """Stop the download of an import."""
    Client().delete(f"/datasets/imports/{import_id}")
    out.print(f"cancelled {import_id}")


def report(dataset: dict[str, Any]) -> None:
    """Print a dataset and its validation report."""
    found = dataset["report"] or {}
    state = with_warnings(dataset["state"], found.get("warnings", []))
    out.print(Text(dataset["name"], style="bold"), f" {dataset['id']}@{dataset['version']}  {state}")
    shown = ("rows", "rejected", "duplicates", "layout", "form", "splits", "characters")
    table(["", ""], [[name, _format(found[name])] for name in shown if name in found])
    if uses := found.get("column_uses"):
        columns = ["column", "use", "uploaded rows", "detail"]
        table(columns, [[use["name"], use["use"].replace("_", " "), use["rows"], use["detail"]] for use in uses])
    if features := found.get("features"):
        rows = [[name.replace("_", " "), feature["rows"], feature["example"]] for name, feature in features.items()]
        table(["needed from the chat template", "rows", "first"], rows)
    for bad in found.get("rejected_rows", []):
        err.print(f"  {bad['file']}:{bad['line']}: {bad['reason']}")
    print_warnings(found.get("warnings", []))


def _format(value: Any) -> str:
    """Format lists and named counts without brackets."""
    if isinstance(value, dict):
        return ", ".join(f"{name} {count:,}" for name, count in value.items())
    return ", ".join(value) if isinstance(value, list) else f"{value:,}" if isinstance(value, int) else str(value)


@datasets.command("list")
def list_datasets(
    limit: Annotated[int, typer.Option(min=1, max=200, help="Maximum number of datasets.")] = 50,
    quiet: Quiet = False,
    wide: Wide = False,
    json: Json = False,
) -> None:
    """List datasets, newest first."""
    page = Client().get("/datasets", limit=limit)
    columns = ["id", "name", "version", "state", "rows"]
    rows = [
        {**dataset, "state": with_warnings(dataset["state"], (dataset["report"] or {}).get("warnings", []))}
        for dataset in page["items"]
    ]
    print_page(page, ({column: row[column] for column in columns} for row in rows), json=json, quiet=quiet, wide=wide)


@datasets.command("show")
def show(dataset_id: DatasetId, json: Json = False) -> None:
    """Show a dataset, its validation report and its versions."""
    dataset = Client().get(f"/datasets/{dataset_id}")
    if json:
        print_json(dataset)
        return
    report(dataset)
    table(["version", "state", "rows", "made from", "at"], map(_version, dataset["versions"]))


def _version(found: dict[str, Any]) -> list[Any]:
    edit, origin = found["edit"], found["origin"]
    source = f"{edit['kind']} of {edit['parent']}" if edit else origin["location"] if origin else found["file_name"]
    rows = (found["report"] or {}).get("rows")
    return [found["version"], found["state"], rows, source, found["created_at"][:16].replace("T", " ")]


@datasets.command(
    epilog=examples("anneal datasets preview <dataset-id>", "anneal datasets preview <dataset-id> --base seedling")
)
def preview(
    dataset_id: DatasetId,
    split: Annotated[
        str | None, typer.Option(help="train, validation or test. Default: train; of a search, every split.")
    ] = None,
    limit: Annotated[int, typer.Option(help="Maximum number of rows.")] = 5,
    search: Annotated[str | None, typer.Option(help="Only rows with this text, regardless of case.")] = None,
    where: Annotated[str | None, typer.Option(help="Only rows with column=value, a kept column.")] = None,
    base: Annotated[
        str | None,
        named_option("custom model", "Render with the chat template of this model; trained tokens are green."),
    ] = None,
    json: Json = False,
) -> None:
    """Show normalized rows, or with --base the text that the model is trained on."""
    client = Client()
    if base is not None and (search or where):
        raise CommandError("--base shows the first rows of a split; leave out --search and --where.")

    def page(split: str) -> dict[str, Any]:
        query = {"split": split, "limit": limit, "search": search, "where": where}
        return dict(client.get(f"/datasets/{dataset_id}/preview", **query))

    found = page(split or "train")
    if base is not None:
        path, rows = f"/datasets/{dataset_id}/rendered", range(len(found["rows"]))
        rendered = [client.get(path, base=base, split=found["split"], row=row) for row in rows]
        print_json(rendered) if json else _print_rendered(rendered)
    elif json:
        print_json(found)
    else:
        others = () if split else (name for name, count in (found["matches"] or {}).items() if count)
        _print_rows([found, *(page(name) for name in others if name != "train")], limit)


def _print_rows(pages: list[dict[str, Any]], limit: int) -> None:
    """Print rows of each split, and how many match where they were searched."""
    rows = [(page["split"], row) for page in pages for row in page["rows"]][:limit]
    for split, row in rows:
        out.print(f"{row['source']}  {split}", style="dim")
        out.print_json(data=row["row"])
    if matches := pages[0]["matches"]:
        counts = ", ".join(f"{count:,} in {split}" for split, count in matches.items())
        out.print(f"{sum(matches.values()):,} rows match: {counts}.", highlight=False)
    elif not rows:
        out.print(f"There are no rows in {pages[0]['split']}.", highlight=False)


def _print_rendered(rows: list[dict[str, Any]]) -> None:
    for row in rows:
        out.print(row["source"], style="dim")
        if row["not_shown"]:
            out.print(f"not trained: the chat template cannot show {', '.join(row['not_shown'])}", style="yellow")
        for sample in row["samples"]:
            for span in sample["spans"]:
                style = "green" if span["trained"] else "dim"
                out.print(span["text"], style=style, end="", highlight=False)
            out.print(f"{sample['tokens']} tokens, {sample['trained_tokens']} trained\n", style="dim")


@datasets.command()
def delete(dataset_id: DatasetId, yes: Yes = False) -> None:
    """Delete a dataset and all its versions."""
    resources.delete("dataset", dataset_id, yes=yes)
