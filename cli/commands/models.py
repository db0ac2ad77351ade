"""`anneal models`: base models and custom models."""

from pathlib import Path
from typing import Annotated

import typer

from cli.client import Client, CommandError
from cli.output import Json, examples, out, print_json, table

models = typer.Typer(
    name="models",
    help="Manage models. Without a subcommand, list base models and custom models.",
    epilog=examples("anneal models", "anneal models add Qwen/Qwen3-0.6B", "anneal models show <model-id>"),
    invoke_without_command=True,
)
ModelId = Annotated[str, typer.Argument(help="Custom model id, as listed by `anneal models`.")]


@models.callback()
def list_models(context: typer.Context, json: Json = False) -> None:
    """List base models and custom models."""
    if context.invoked_subcommand:
        return
    client = Client()
    bases, customs = client.get("/models/available"), client.get("/models/custom")
    if json:
        print_json({"available": bases, "custom": customs})
        return
    columns = ["reference", "availability", "parameters", "context_length"]
    shown = [model for model in bases["items"] if model["kind"] == "base"]
    table(columns, [[model[column] for column in columns] for model in shown], title="Base models")
    out.print("[dim]Download a base model: anneal models add <reference>[/]\n")
    columns = ["id", "name", "method", "base", "dataset_id", "size"]
    table(columns, [[model[column] for column in columns] for model in customs["items"]], title="Custom models")


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
    print_json(added) if json else out.print(f"{added['id']}: {added['state']}; run `anneal models` to see its state")


@models.command()
def show(model_id: ModelId, json: Json = False) -> None:
    """Show a custom model: its base model, dataset, job and metrics."""
    model = Client().get(f"/models/custom/{model_id}")
    print_json(model) if json else table(["", ""], [[k, str(v)] for k, v in model.items() if v not in (None, "", {})])


@models.command()
def rename(model_id: ModelId, name: Annotated[str, typer.Argument(help="New name.")], json: Json = False) -> None:
    """Rename a custom model."""
    model = Client().patch(f"/models/custom/{model_id}", {"name": name})
    print_json(model) if json else out.print(f"{model['id']}: {model['name']}")


@models.command()
def delete(model_id: ModelId) -> None:
    """Delete a custom model."""
    Client().delete(f"/models/custom/{model_id}")
    out.print(f"deleted {model_id}")
