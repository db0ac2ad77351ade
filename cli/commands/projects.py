"""`anneal projects` and `anneal users`: who may do what where."""

from typing import Annotated, Literal
from urllib.parse import quote

import typer

from cli.client import Client
from cli.output import Json, examples, out, print_json, table

projects = typer.Typer(name="projects", help="List projects, and grant roles in them.", no_args_is_help=True)
users = typer.Typer(name="users", help="List, disable and enable the users who have signed in.", no_args_is_help=True)

Project = Annotated[
    str | None, typer.Option("--project", help="Project; default: that of the API key. Others need the operator's key.")
]
User = Annotated[str, typer.Argument(help="User id, or the verified e-mail address of a user.")]
MEMBER_COLUMNS = ("user_id", "email", "name", "role", "granted", "from_groups")
USER_COLUMNS = ("id", "email", "name", "signed_in_at", "disabled_at")


def _members_path(client: Client, project: str | None) -> str:
    return f"/auth/projects/{quote(project or client.get('/auth/session')['project'], safe='')}/members"


@projects.command("list", epilog=examples("anneal projects list"))
def list_projects(json: Json = False) -> None:
    """List the projects that the API key may use; the operator's key may use all."""
    found = Client().get("/auth/projects")
    print_json(found) if json else table(["id", "created_at"], [[p["id"], p["created_at"]] for p in found["items"]])


@projects.command(epilog=examples("anneal projects create team-b"))
def create(name: Annotated[str, typer.Argument(help="Lower-case name.")], json: Json = False) -> None:
    """Create a project (operator only)."""
    made = Client().post("/auth/projects", {"id": name})
    print_json(made) if json else out.print(made["id"])


@projects.command(epilog=examples("anneal projects members", "anneal projects members --project team-b"))
def members(project: Project = None, json: Json = False) -> None:
    """List the members of a project, with their roles: granted, and by groups of the identity provider."""
    client = Client()
    found = client.get(_members_path(client, project))
    if json:
        print_json(found)
        return
    table(MEMBER_COLUMNS, [[member[column] for column in MEMBER_COLUMNS] for member in found["items"]])


@projects.command("set-member", epilog=examples("anneal projects set-member alice@example.org member"))
def set_member(
    user: User,
    role: Annotated[Literal["viewer", "member", "admin"], typer.Argument(help="viewer, member or admin.")],
    project: Project = None,
    json: Json = False,
) -> None:
    """Grant a user who has signed in before a role in a project."""
    client = Client()
    member = client.put(f"{_members_path(client, project)}/{quote(user, safe='')}", {"role": role})
    print_json(member) if json else out.print(f"{member['user_id']} is {member['role']}")


@projects.command("remove-member", epilog=examples("anneal projects remove-member alice@example.org"))
def remove_member(user: User, project: Project = None) -> None:
    """Remove a user from a project; the keys that the user has created there end."""
    client = Client()
    client.delete(f"{_members_path(client, project)}/{quote(user, safe='')}")
    out.print(f"removed {user}")


@users.command("list", epilog=examples("anneal users list"))
def list_users(
    limit: Annotated[int, typer.Option(min=1, max=200, help="Maximum number of users.")] = 50, json: Json = False
) -> None:
    """List the users who have signed in, newest first (operator only)."""
    found = Client().get("/auth/users", limit=limit)
    if json:
        print_json(found)
        return
    table(USER_COLUMNS, [[user[column] for column in USER_COLUMNS] for user in found["items"]])
    if found["next_cursor"]:
        out.print("There are more; use --limit to list them")


@users.command(epilog=examples("anneal users disable <user-id>"))
def disable(user_id: Annotated[str, typer.Argument(help="User id.")]) -> None:
    """End a user's sessions and keys, and refuse its sign-in (operator only)."""
    Client().post(f"/auth/users/{quote(user_id, safe='')}/disable")
    out.print(f"disabled {user_id}")


@users.command(epilog=examples("anneal users enable <user-id>"))
def enable(user_id: Annotated[str, typer.Argument(help="User id.")]) -> None:
    """Let a disabled user sign in again (operator only)."""
    Client().post(f"/auth/users/{quote(user_id, safe='')}/enable")
    out.print(f"enabled {user_id}")
