"""`anneal events`: the dead-letter queues."""

from typing import Annotated
from urllib.parse import quote

import typer

from cli.client import Client
from cli.errors import CommandError
from cli.output import Json, examples, out, print_json, table

events = typer.Typer(name="events", help="List and replay dead-lettered events.", no_args_is_help=True)

Service = Annotated[
    str | None, typer.Option("--service", "--room", help="Service whose dead-letter queue to use; default: all.")
]
"""`--room` is the name of this option before 0.2."""


@events.command(epilog=examples("anneal events dead", "anneal events dead --service evaluation"))
def dead(
    service: Service = None,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="Maximum number of events.")] = 100,
    json: Json = False,
) -> None:
    """List the events that a service could not process, oldest first."""
    found = Client().get("/events/dead", room=service, limit=limit)
    if json:
        print_json(found)
        return
    columns = ["id", "room", "type", "subject", "time", "attempts", "reason"]
    header = ["service" if column == "room" else column for column in columns]
    table(header, [[letter[column] for column in columns] for letter in found["items"]])
    if found["total"] > len(found["items"]):
        out.print(f"{found['total'] - len(found['items'])} more; use --limit to list them")


@events.command(epilog=examples("anneal events replay <event-id>", "anneal events replay --all --service evaluation"))
def replay(
    event_id: Annotated[str | None, typer.Argument(help="Event id, as listed by `anneal events dead`.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="Replay all events, or all of --service.")] = False,
    service: Service = None,
    json: Json = False,
) -> None:
    """Move dead-lettered events back to their queues, with the attempts reset."""
    if (event_id is None) != everything or (event_id and service):
        raise CommandError("Give one event id, or --all (with --service for the events of one service).")
    path = "/events/dead/replay" if event_id is None else f"/events/dead/{quote(event_id, safe='')}/replay"
    answer = Client().post(path, room=service)
    print_json(answer) if json else out.print(f"replayed {answer['replayed']} events")
