"""`anneal reproduce`: train a custom model again, and compare both runs."""

from typing import Annotated, Any

import typer

from cli.client import Client
from cli.commands.jobs import follow
from cli.output import Json, out, print_json, table
from cli.resources import named

SHOWN_TENSORS = 10
VERDICTS = {
    "equal": "[green]Equal[/]: every tensor is the same in every bit.",
    "within_tolerance": "[yellow]Within the tolerance[/]: other bits, for the reasons below, and losses that differ by "
    "at most {tolerance:g} nats per token.",
    "different": "[red]Different[/].",
}


def reproduce(
    model_id: Annotated[str, named("custom model", "The custom model.")],
    tolerance: Annotated[
        float, typer.Option(help="Largest difference of two losses that count as the same, in nats per token.")
    ] = 0.02,
    json: Json = False,
) -> None:
    """Train a model again from its recorded dataset version, base model, settings and seed, and compare both.

    The exit code is 0 if all weights are equal in every bit. It is also 0 if a recorded reason explains other bits
    (GPU, several threads, other versions) and all losses are within the tolerance. Otherwise it is 1.
    """
    client = Client()
    job = follow(client, client.post(f"/models/custom/{model_id}/reproduce")["id"])
    report = client.get(f"/training/jobs/{job['id']}/reproduction", tolerance=tolerance)
    print_json(report) if json else show(report)
    if report["verdict"] == "different":
        raise typer.Exit(1)


def show(report: dict[str, Any]) -> None:
    """Print the verdict, the weights and losses that differ, what differs in the runs, and why."""
    weights = report["weights"]
    out.print(VERDICTS[report["verdict"]].format(**report), markup=True)
    out.print(f"{report['model_id']} was reproduced as {report['reproduction_id']}.", highlight=False)
    rows = [["weights", f"{weights['equal']:,} of {weights['count']:,} tensors equal", _largest(weights)]]
    for name, curve in (("training loss", report["training_loss"]), ("validation loss", report["validation_loss"])):
        unmatched = f", {curve['unmatched']:,} unmatched" if curve["unmatched"] else ""
        steps = f"{curve['steps']:,} steps compared{unmatched}"
        at = f" at step {curve['at_step']}" if curve["at_step"] is not None else ""
        rows.append([name, steps, _largest(curve) + at])
    table(["", "", "largest difference"], rows)
    if differing := [tensor for tensor in weights["tensors"] if not tensor["equal"]]:
        listed = [[tensor["name"], _largest(tensor)] for tensor in differing[:SHOWN_TENSORS]]
        table(["tensor", "largest difference"], listed, title="Tensors that differ")
    if report["differences"]:
        columns = ("field", "original", "reproduction")
        table(columns, [[str(found[name]) for name in columns] for found in report["differences"]], title="Recorded")
    for reason in report["reasons"] if report["verdict"] != "equal" else ():
        out.print(f"- {reason}", highlight=False)
    if report["verdict"] == "different" and not report["reasons"]:
        out.print("Nothing that the runs recorded explains the difference.")


def _largest(values: dict[str, Any]) -> str:
    largest = values["max_difference"]
    return "not comparable" if largest is None else f"{largest:.3g}"
