"""`anneal models`: base models and custom models."""

from pathlib import Path
from typing import Annotated, Any

import typer

from cli import resources
from cli.checkpoints import publish_checkpoint
from cli.client import Client
from cli.errors import CommandError
from cli.output import Json, err, examples, out, plain, print_json, print_warnings, size, table, with_warnings
from cli.resources import ListByDefault, Quiet, Wide, Yes, named, print_page

models = typer.Typer(
    name="models",
    help="Manage models. Without a subcommand, list base models and custom models.",
    epilog=examples("anneal models", "anneal models add Qwen/Qwen3-0.6B", "anneal models show <model-id>"),
    cls=ListByDefault,
)
ModelId = Annotated[str, named("custom model", "The custom model.")]


@models.command("list")
def list_models(
    limit: Annotated[int, typer.Option(min=1, max=200, help="Maximum number of custom models.")] = 50,
    quiet: Quiet = False,
    wide: Wide = False,
    json: Json = False,
) -> None:
    """List base models and custom models. With -q, only the ids of custom models."""
    client = Client()
    bases, customs = client.get("/models/available"), client.get("/models/custom", limit=limit)
    if quiet and not json:
        print_page(customs, (), json=False, quiet=True)
        return
    if json:
        print_json({"available": bases, "custom": customs})
        return
    show_base_models([model for model in bases["items"] if model["kind"] == "base"])
    out.print("Download a base model: anneal models add <reference>\n", style="dim")
    columns = {"id": "id", "name": "name", "method": "method", "base_name": "base", "dataset_id": "dataset"}
    rows = (
        {title: model[column] for column, title in columns.items()} | {"size": size(model["size"])}
        for model in customs["items"]
    )
    shown = [[*row.values()] for row in resources.with_names(client, rows, dataset="dataset")]
    table([*columns.values(), "size"], shown, title="Custom models", wide=wide)
    if customs["next_cursor"]:
        err.print("There are more; list them with --limit.")


def show_base_models(models: list[dict[str, Any]]) -> None:
    """Print base models by the reference that `--base` takes; also their names, where those are different."""
    named = any(model["name"] != model["reference"] for model in models)
    columns = ["reference", *(["name"] if named else []), "availability", "parameters", "context_length"]
    rows = [{**model, "availability": with_warnings(model["availability"], model["warnings"])} for model in models]
    headers = [column.removesuffix("_length") for column in columns]
    table(headers, [[row[column] for column in columns] for row in rows], title="Base models")


@models.command(
    epilog=examples(
        "anneal models add Qwen/Qwen3-0.6B",
        "anneal models add ./my-model --name my-model",
        "anneal models add s3://bucket/my-model",
    )
)
def add(
    source: Annotated[
        str, typer.Argument(help="Folder or .zip with safetensors weights, s3:// URI, or Hugging Face model id.")
    ],
    name: Annotated[str | None, typer.Option(help="Name of the base model; default: taken from the source.")] = None,
    json: Json = False,
) -> None:
    """Add a base model from a folder, an archive, an object store or the Hugging Face Hub.

    A folder is used in place, and an archive is uploaded.
    The platform downloads models from an object store or the Hub.
    """
    client, path = Client(), Path(source).expanduser()
    fields = {"name": name} if name else {}
    if path.is_file():
        with path.open("rb") as file:
            added = client.upload("/models/base", file, path.name, fields)
    elif path.is_dir():
        added = client.post("/models/base", {"path": str(path.resolve()), **fields})
    elif "://" in source:
        added = client.post("/models/base", {"uri": source, **fields})
    elif source.count("/") == 1:
        added = client.post("/models/base", {"hub_id": source, **fields})
    else:
        raise CommandError(f"{source} is not a file, a folder, a URI or a Hugging Face model id (owner/name).")
    if not json:
        print_warnings(added["warnings"])
    if json:
        print_json(added)
        return
    done = added["state"] == "succeeded"
    then = f"anneal train <dataset-id> --base '{added['name']}'" if done else "anneal models shows when it is ready"
    out.print(f"{added['name']} ({added['id']}): {added['state']}; {then}", highlight=False, soft_wrap=True)


@models.command()
def show(
    model_id: Annotated[str, typer.Argument(help="A custom or base model: id, or unique name.")],
    json: Json = False,
) -> None:
    """Show a custom model (base model, dataset, job, metrics), or a base model and what its chat template shows."""
    client = Client()
    model = find_base_model(client, model_id) or client.get(
        f"/models/custom/{resources.find(client, 'custom model', model_id)}"
    )
    if json:
        print_json(model)
        return
    table(
        ["", ""],
        [[k.replace("_", " "), plain(v)] for k, v in model.items() if k != "warnings" and v not in (None, "", {})],
    )
    print_warnings(model.get("warnings", []))


def find_base_model(client: Client, reference: str) -> dict[str, Any] | None:
    """Return the listed base model with this id or unique name."""
    listed = [model for model in client.get("/models/available")["items"] if model["kind"] == "base"]
    for model in listed:
        if reference in (model["reference"], model["id"]):
            return dict(model)
    if named := [model["id"] for model in listed if model["name"] == reference]:
        ids = ", ".join(named)
        raise CommandError(f"{len(named)} models have the name {reference!r}, of these base models {ids}. Use an id.")
    return None


@models.command(
    "from-checkpoint",
    epilog=examples("anneal models from-checkpoint <job-id> 88", "anneal export <job-id>:88"),
)
def from_checkpoint(
    job_id: Annotated[str, named("job", "The job.")],
    step: Annotated[int, typer.Argument(help="Step, as listed by `anneal jobs checkpoints`.")],
    json: Json = False,
) -> None:
    """Publish a checkpoint of a job as a custom model.

    `anneal chat`, `evaluate`, `export` and `compare` do so for JOB:STEP in place of a model.
    """
    client = Client()
    model = client.get(f"/models/custom/{publish_checkpoint(client, job_id, step)['model_id']}")
    print_json(model) if json else out.print(f"{model['id']}: {model['name']}", soft_wrap=True)


@models.command()
def rename(model_id: ModelId, name: Annotated[str, typer.Argument(help="New name.")], json: Json = False) -> None:
    """Rename a custom model."""
    model = Client().patch(f"/models/custom/{model_id}", {"name": name})
    print_json(model) if json else out.print(f"{model['id']}: {model['name']}")


@models.command()
def delete(model_id: ModelId, yes: Yes = False) -> None:
    """Delete a custom model."""
    resources.delete("custom model", model_id, yes=yes)
