"""`anneal feedback`: people's verdicts on stored answers, and datasets of them."""

from typing import Annotated, Any, Literal

import typer

from cli.client import Client
from cli.commands.datasets import import_and_report
from cli.output import Json, examples, out, print_json, table
from cli.resources import ListByDefault, Quiet, find, print_page

feedback = typer.Typer(
    name="feedback",
    help="See what people think of stored answers, and make datasets of it. Without a subcommand, list it.",
    epilog=examples("anneal feedback", "anneal feedback summary", "anneal feedback dataset --name votes"),
    cls=ListByDefault,
)


@feedback.command("list", epilog=examples("anneal feedback list --limit 200"))
def list_feedback(
    limit: Annotated[int, typer.Option(min=1, max=200, help="Maximum number of entries.")] = 50,
    quiet: Quiet = False,
    json: Json = False,
) -> None:
    """List feedback, newest first."""
    page = Client().get("/feedback", limit=limit)
    print_page(page, map(_row, page["items"]), json=json, quiet=quiet)


def _row(given: dict[str, Any]) -> dict[str, Any]:
    left_out = (given["left_out"] or "").replace("_", " ")
    return {"id": given["id"], "verdict": given["verdict"], "models": " over ".join(given["models"])
            if given["verdict"] == "preferred" else ", ".join(given["models"]), "not in data": left_out}  # fmt: skip


@feedback.command(epilog=examples("anneal feedback summary"))
def summary(json: Json = False) -> None:
    """Count the feedback by model, and the rows of a dataset of it."""
    found = Client().get("/feedback/summary")
    if json:
        print_json(found)
        return
    for kind, method in (("preferences", "DPO"), ("ratings", "KTO")):
        counts = found[kind]
        reasons = ", ".join(f"{count} {reason.replace('_', ' ')}" for reason, count in counts["left_out"].items())
        text = f"{kind}: {counts['feedback']}, rows for {method}: {counts['rows']}"
        out.print(text + (f"; left out: {reasons}" if reasons else ""), highlight=False)
    columns = ("model_id", "wins", "losses", "ties", "good", "bad")
    if found["models"]:
        table(columns, [[votes[column] for column in columns] for votes in found["models"]])


@feedback.command(
    epilog=examples(
        "anneal feedback dataset", "anneal feedback dataset --kind ratings --name thumbs --model <model-id>"
    )
)
def dataset(
    kind: Annotated[
        Literal["preferences", "ratings"],
        typer.Option(help="preferences: pairs of answers, for DPO; ratings: good and bad answers, for KTO."),
    ] = "preferences",
    name: Annotated[
        str | None, typer.Option(help="Dataset name; an existing name gets a new version. Default: feedback-KIND.")
    ] = None,
    model: Annotated[
        list[str] | None, typer.Option(help="Only feedback on answers of this model; repeat for several.")
    ] = None,
    json: Json = False,
) -> None:
    """Make a dataset of the feedback."""
    client = Client()
    models = [find(client, "custom model", each) for each in model or ()]
    import_and_report(client, {"feedback": kind, "name": name, "models": models or None}, json=json)


@feedback.command(epilog=examples("anneal feedback delete <feedback-id>"))
def delete(feedback_id: Annotated[str, typer.Argument(help="Id of the feedback.")]) -> None:
    """Delete feedback. Datasets that were made of it stay."""
    Client().delete(f"/feedback/{feedback_id}")
    out.print(f"deleted {feedback_id}", highlight=False)
