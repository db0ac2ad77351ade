"""HTTP: users, projects and members, below `/auth/users` and `/auth/projects`."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from services.gateway.auth.members import Members
from services.gateway.models import Membership, Role, User
from shared.documents.entities import Page
from shared.runtime.http.principal import Caller, ProjectName


class NewProject(BaseModel):
    """A request for a project."""

    model_config = ConfigDict(extra="forbid")

    id: ProjectName = Field(description="the project's name; it cannot be changed")


class ProjectView(BaseModel):
    """A project."""

    id: str = Field(description="the project's name")
    created_at: datetime
    role: Role | None = Field(default=None, description="the calling user's; null for a key")


class Projects(BaseModel):
    """The projects that the caller may use, by name."""

    items: list[ProjectView]


class MemberRole(BaseModel):
    """The role to grant."""

    model_config = ConfigDict(extra="forbid")

    role: Role = Field(description="viewer: the scope read; member: write; admin: admin")


class MemberView(BaseModel):
    """A member of a project."""

    user_id: str
    email: str | None
    name: str | None
    role: Role = Field(description="the higher one of the next two")
    granted: Role | None = Field(description="by an admin")
    from_groups: Role | None = Field(description="by the groups of the identity provider, at the last sign-in")
    disabled: bool = Field(description="whether the operator has disabled the user")

    @classmethod
    def of(cls, user: User, membership: Membership) -> "MemberView":
        """Build the view of a member."""
        assert membership.role
        return cls(
            user_id=user.id,
            email=user.email,
            name=user.name,
            role=membership.role,
            granted=membership.granted,
            from_groups=membership.from_groups,
            disabled=user.disabled_at is not None,
        )


class MemberList(BaseModel):
    """The members of a project, the oldest first."""

    items: list[MemberView]


class UserView(BaseModel):
    """A user."""

    id: str
    email: str | None
    email_verified: bool
    name: str | None
    signed_in_at: datetime | None
    disabled_at: datetime | None


def routes(members: Members) -> APIRouter:
    """Return the routes for users, projects and members."""
    router = APIRouter(tags=["System"])
    _projects(router, members)
    _users(router, members)
    return router


def _projects(router: APIRouter, members: Members) -> None:
    """Add the routes for projects and their members."""

    @router.get("/auth/projects")
    async def list_projects(caller: Caller) -> Projects:
        """List the projects that the caller may use: a user's by membership, a key's own, all of the operator."""
        found = await members.projects(caller)
        return Projects(items=[ProjectView(id=p.id, created_at=p.created_at, role=role) for p, role in found])

    @router.post("/auth/projects", status_code=201)
    async def create_project(body: NewProject, caller: Caller) -> ProjectView:
        """Create a project, or return the existing one with this name (operator only)."""
        return ProjectView.model_validate((await members.add_project(body.id)).model_dump())

    @router.get("/auth/projects/{project}/members")
    async def list_members(project: str, caller: Caller) -> MemberList:
        """List the members of the caller's project."""
        members.require_own(caller, project)
        found = await members.members(project)
        return MemberList(items=[MemberView.of(user, membership) for user, membership in found])

    @router.put("/auth/projects/{project}/members/{user}")
    async def set_member(project: str, user: str, body: MemberRole, caller: Caller) -> MemberView:
        """Grant a user, by id or verified e-mail address, a role in the caller's project."""
        members.require_own(caller, project)
        return MemberView.of(*await members.grant(project, user, body.role))

    @router.delete("/auth/projects/{project}/members/{user}", status_code=204)
    async def remove_member(project: str, user: str, caller: Caller) -> None:
        """Remove a member. Its sessions in the project end, and the keys that it has created there."""
        members.require_own(caller, project)
        await members.grant(project, user, None)


def _users(router: APIRouter, members: Members) -> None:
    """Add the operator's routes for users."""

    @router.get("/auth/users")
    async def list_users(
        caller: Caller, limit: Annotated[int, Query(ge=1, le=200)] = 50, cursor: str | None = None
    ) -> Page[UserView]:
        """List all users who have ever signed in, newest first (operator only)."""
        page = await members.users.page(limit=limit, cursor=cursor)
        views = [UserView.model_validate(user.model_dump()) for user in page.items]
        return Page[UserView](items=views, next_cursor=page.next_cursor)

    @router.post("/auth/users/{user_id}/disable")
    async def disable_user(user_id: str, caller: Caller) -> UserView:
        """End a user's sessions and the keys that it has created, and refuse its sign-in (operator only)."""
        return UserView.model_validate((await members.set_disabled(user_id, True)).model_dump())

    @router.post("/auth/users/{user_id}/enable")
    async def enable_user(user_id: str, caller: Caller) -> UserView:
        """Let a disabled user sign in again (operator only). Its former keys stay revoked."""
        return UserView.model_validate((await members.set_disabled(user_id, False)).model_dump())
