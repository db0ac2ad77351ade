"""`anneal events`: events that a room could not handle."""

from typing import Annotated
from urllib.parse import quote

import typer

from cli.client import Client, CommandError
from cli.output import Json, out, print_json, table

events = typer.Typer(name="events", help="Look at dead letters, and have them delivered again.", no_args_is_help=True)

Room = Annotated[str | None, typer.Option(help="Only those of this room.")]


@events.command()
def dead(
    room: Room = None,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="How many.")] = 100,
    json: Json = False,
) -> None:
    """List the events that a room could not handle, oldest first."""
    found = Client().get("/events/dead", room=room, limit=limit)
    if json:
        print_json(found)
        return
    columns = ["id", "room", "type", "subject", "time", "attempts", "reason"]
    table(columns, [[letter[column] for column in columns] for letter in found["items"]])
    if found["total"] > len(found["items"]):
        out.print(f"{found['total'] - len(found['items'])} more: --limit")


@events.command()
def replay(
    letter_id: Annotated[str | None, typer.Argument(help="Its id, from `anneal events dead`.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="All of them, or all of --room.")] = False,
    room: Room = None,
    json: Json = False,
) -> None:
    """Put dead events back into their rooms' queues, with their attempts forgotten."""
    if (letter_id is None) != everything or (letter_id and room):
        raise CommandError("Name one dead letter, or use --all (with --room for those of one room).")
    path = "/events/dead/replay" if letter_id is None else f"/events/dead/{quote(letter_id, safe='')}/replay"
    answer = Client().post(path, room=room)
    print_json(answer) if json else out.print(f"{answer['replayed']} put back")
