"""`anneal models`: what can be trained on, and what was trained."""

from pathlib import Path
from typing import Annotated

import typer

from cli.client import Client, CommandError
from cli.output import Json, out, print_json, table

models = typer.Typer(
    name="models", help="List models; add a base; show, rename or delete a custom one.", invoke_without_command=True
)


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
    out.print("[dim]Fetch a downloadable one: anneal models add <reference>[/]\n")
    columns = ["id", "name", "method", "base", "dataset_id", "size"]
    table(columns, [[model[column] for column in columns] for model in customs["items"]], title="Custom models")


@models.command()
def add(
    what: Annotated[str, typer.Argument(help="A folder or .zip with safetensors, an s3:// URI, or a Hugging Face id.")],
    name: Annotated[str | None, typer.Option(help="Its name here.")] = None,
    json: Json = False,
) -> None:
    """Add a base model: register a folder in place, upload an archive, or download from the hub."""
    client, path = Client(), Path(what).expanduser()
    fields = {"name": name} if name else {}
    if path.is_file():
        with path.open("rb") as file:
            made = client.upload("/models/base", file, path.name, fields)
    elif path.is_dir():
        made = client.post("/models/base", {"path": str(path.resolve()), **fields})
    elif "://" in what:
        made = client.post("/models/base", {"uri": what, **fields})
    elif what.count("/") == 1:
        made = client.post("/models/base", {"hub_id": what, **fields})
    else:
        raise CommandError(f"{what} is no file, folder, URI or Hugging Face id (owner/name).")
    print_json(made) if json else out.print(f"{made['id']}: {made['state']}; follow it with `anneal models`")


@models.command()
def show(model_id: str, json: Json = False) -> None:
    """Show a custom model: where it comes from and how good it was."""
    model = Client().get(f"/models/custom/{model_id}")
    print_json(model) if json else table(["", ""], [[k, str(v)] for k, v in model.items() if v not in (None, "", {})])


@models.command()
def rename(model_id: str, name: str, json: Json = False) -> None:
    """Give a custom model another name."""
    model = Client().patch(f"/models/custom/{model_id}", {"name": name})
    print_json(model) if json else out.print(f"{model['id']}: {model['name']}")


@models.command()
def delete(model_id: str) -> None:
    """Delete a custom model."""
    Client().delete(f"/models/custom/{model_id}")
    out.print(f"deleted {model_id}")
