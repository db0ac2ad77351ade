"""`anneal datasets`: versions made from versions, what differs between them, repeated rows, and tokens."""

import time
from typing import Annotated, Any

import typer

from cli.client import Client
from cli.commands.datasets import POLL_INTERVAL_S, DatasetId
from cli.commands.datasets import datasets as datasets  # with the commands below
from cli.errors import CommandError
from cli.output import Json, examples, out, print_json, table
from cli.resources import find_version, named_option

Version = Annotated[
    str | None, typer.Option(help="Version to start from, or the beginning of it. Default: the current one.")
]


@datasets.command(
    epilog=examples(
        "anneal datasets exclude <dataset-id> --row 17 --row 42",
        'anneal datasets exclude <dataset-id> --search "lorem ipsum"',
        "anneal datasets exclude <dataset-id> --where topic=spam --split train",
    )
)
def exclude(
    dataset_id: DatasetId,
    row: Annotated[list[int] | None, typer.Option(help="Row id, as `preview --json` shows it; repeatable.")] = None,
    search: Annotated[str | None, typer.Option(help="Exclude rows with this text, regardless of case.")] = None,
    where: Annotated[str | None, typer.Option(help="Exclude rows with column=value, a kept column.")] = None,
    split: Annotated[str | None, typer.Option(help="Search only in train, validation or test. Default: all.")] = None,
    version: Version = None,
    json: Json = False,
) -> None:
    """Make a version without some rows; it becomes the current one."""
    given = {"rows": row or None, "search": search, "where": where, "split": split, "version": version}
    _edit(dataset_id, "exclude", given, json=json)


@datasets.command(
    epilog=examples("anneal datasets deduplicate <dataset-id>", "anneal datasets deduplicate <dataset-id> --near")
)
def deduplicate(
    dataset_id: DatasetId,
    near: Annotated[bool, typer.Option("--near", help="Also rows that nearly equal another one.")] = False,
    version: Version = None,
    json: Json = False,
) -> None:
    """Make a version without repeated rows; of equal rows, the held-out one stays."""
    _edit(dataset_id, "deduplicate", {"near": near, "version": version}, json=json)


@datasets.command(
    epilog=examples(
        "anneal datasets diff <dataset-id> <version>", "anneal datasets diff <dataset-id> <version> <later-version>"
    )
)
def diff(
    dataset_id: DatasetId,
    before: Annotated[str, typer.Argument(help="The earlier version, or the beginning of it.")],
    after: Annotated[str | None, typer.Argument(help="The later version. Default: the current one.")] = None,
    kind: Annotated[str | None, typer.Option(help="Show only rows changed, removed, added or moved.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=100, help="Maximum number of rows.")] = 20,
    json: Json = False,
) -> None:
    """Compare two versions: rows added, removed, changed, or moved to another split."""
    client = Client()
    versions = {
        name: find_version(client, dataset_id, given) for name, given in {"before": before, "after": after}.items()
    }
    found = client.get(f"/datasets/{dataset_id}/diff", **versions, kind=kind, limit=limit)
    if json:
        print_json(found)
        return
    counts = ("added", "removed", "changed", "moved", "unchanged")
    out.print(", ".join(f"{found[name]:,} {name}" for name in counts), highlight=False)
    for row in found["rows"]:
        sides = [(sign, row[side]) for sign, side in (("-", "before"), ("+", "after")) if row[side]]
        for sign, side in sides:
            text = f"{sign} {row['kind']}  {side['split']}  {side['source']}  {_text(side['row'])}"
            out.print(text, style="red" if sign == "-" else "green", highlight=False)


@datasets.command(epilog=examples("anneal datasets duplicates <dataset-id>"))
def duplicates(
    dataset_id: DatasetId,
    version: Annotated[str | None, typer.Option(help="Version. Default: the current one.")] = None,
    json: Json = False,
) -> None:
    """Find equal and nearly equal rows, and held-out rows whose prompt is in train."""
    found = _counted(dataset_id, "duplicates", version)
    if json:
        print_json(found)
        return
    parts = [["all rows", found["rows"], found["exact"], found["near"]]]
    parts += [[f"prompts of {o['split']} in train", o["rows"], o["exact"], o["near"]] for o in found["overlap"]]
    table(["", "rows", "equal", "nearly equal"], parts)
    for pair in found["examples"][:5]:
        for row in pair["rows"]:
            out.print(f"{pair['similarity']:.0%}  {row['source']}  {row['text'][:200]}", highlight=False)


@datasets.command(epilog=examples("anneal datasets tokens <dataset-id> --base seedling"))
def tokens(
    dataset_id: DatasetId,
    base: Annotated[str, named_option("custom model", "The model whose tokenizer and chat template count.")],
    version: Annotated[str | None, typer.Option(help="Version. Default: the current one.")] = None,
    max_length: Annotated[int | None, typer.Option(min=1, help="Show what this limit truncates.")] = None,
    json: Json = False,
) -> None:
    """Count the tokens of each split, and what a maximum length truncates."""
    found = _counted(dataset_id, "statistics", version, base=base, max_length=max_length)
    if json:
        print_json(found)
        return
    columns = ["split", "rows", "tokens", "trained_tokens"]
    table(
        [name.replace("_", " ") for name in columns], [[split[name] for name in columns] for split in found["splits"]]
    )
    out.print(
        f"Median {found['p50']}, 99 % {found['p99']}, longest {found['max']}. A limit of {found['max_length']} "
        f"truncates {found['cut']} of {found['counted']} rows.",
        highlight=False,
    )


def _edit(dataset_id: str, action: str, given: dict[str, Any], *, json: bool) -> None:
    """Make a version, wait for it, and print what became of the rows."""
    client = Client()
    before = client.get(f"/datasets/{dataset_id}")
    given["version"] = find_version(client, dataset_id, given["version"])
    body = {field: value for field, value in given.items() if value is not None}
    dataset = client.post(f"/datasets/{dataset_id}/{action}", body)
    while dataset["state"] == "validating":
        time.sleep(POLL_INTERVAL_S)
        dataset = client.get(f"/datasets/{dataset_id}")
    latest = dataset["versions"][0]
    if latest["state"] in ("rejected", "failed"):
        raise CommandError(f"{latest['detail']} ({latest['code']})", latest)
    if json:
        print_json(dataset)
        return
    parent = given["version"] or before["version"]
    rows = {version["version"]: version["report"]["rows"] for version in dataset["versions"] if version["report"]}
    gone = rows.get(parent, dataset["rows"]) - dataset["rows"]
    out.print(f"{dataset['id']}@{dataset['version']}: {dataset['rows']:,} rows, {gone:,} fewer", highlight=False)
    out.print(f"See them with: anneal datasets diff {dataset['id']} {parent} {dataset['version']}", highlight=False)


def _counted(dataset_id: str, what: str, version: str | None, **query: Any) -> dict[str, Any]:
    """Return what a request finds, however long it takes: 202 has no body."""
    client = Client()
    version = find_version(client, dataset_id, version)
    while not (found := client.get(f"/datasets/{dataset_id}/{what}", version=version, **query)):
        time.sleep(POLL_INTERVAL_S)
    result: dict[str, Any] = found
    return result


def _text(row: dict[str, Any]) -> str:
    """The beginning of each turn of a row."""
    turns = [turn["content"] for part in ("messages", "chosen", "completion") for turn in row.get(part, ())]
    return " → ".join(str(text)[:80].replace("\n", " ") for text in turns or [row.get("text", "")])
