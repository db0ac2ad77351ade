"""Users, projects and memberships: an admin grants a role, or the groups of the identity provider give one."""

import time
from collections.abc import Callable, Mapping
from functools import partial
from urllib.parse import quote

from services.gateway.auth.credentials import CACHE_SIZE, CACHE_TTL_S
from services.gateway.auth.keys import OPERATOR, Keys
from services.gateway.auth.oidc import Identity
from services.gateway.errors import SignInFailed
from services.gateway.models import ROLES, Key, Membership, Project, Role, User
from services.gateway.store import Stores
from shared.documents.entities import derived_id, now
from shared.runtime.errors import Conflict, NotFound
from shared.runtime.http.principal import Principal, Unauthenticated
from shared.runtime.http.routes import SCOPE_RANKS, KeyScope

SCOPES: dict[Role, KeyScope] = {"viewer": "read", "member": "write", "admin": "admin"}
"""The scope of each role."""


def is_user(subject: str) -> bool:
    """Whether a principal's subject is a user, not a key."""
    return subject.startswith("user_")


def _set_from_groups(membership: Membership, role: Role | None) -> None:
    membership.from_groups = role


class Members:
    """The use cases around users and projects."""

    def __init__(self, stores: Stores, keys: Keys) -> None:
        self.users, self._projects, self._memberships = stores.users, stores.projects, stores.memberships
        self._keys = keys
        self._roles: dict[tuple[str, str], tuple[float, Role | None]] = {}

    async def add_project(self, id: str) -> Project:
        """Create a project, or return the existing one."""
        return await self._projects.create(Project(id=id, project=id))

    async def projects(self, caller: Principal) -> list[tuple[Project, Role | None]]:
        """Return the caller's projects by name, a user's with the role; the operator's are all."""
        if is_user(caller.subject):
            found = {each.project: each.role for each in await self._memberships.find({"user_id": caller.subject})}
            return [(await self._projects.get(id), role) for id, role in sorted(found.items()) if role]
        where = {} if caller.scopes == OPERATOR else {"_id": caller.project}
        return [(project, None) for project in await self._projects.find(where, order=(("_id", 1),))]

    async def require_project(self, caller: Principal, id: str) -> None:
        """Raise NotFound unless it is one of the caller's projects."""
        if all(project.id != id for project, _ in await self.projects(caller)):
            remedy = "GET /auth/projects lists yours."
            raise NotFound(f"There is no project {id!r} that you may use.", field="project", remedy=remedy)

    def require_own(self, caller: Principal, project: str) -> None:
        """Raise NotFound for another project than the caller's; the operator may manage all."""
        if project != caller.project and caller.scopes != OPERATOR:
            remedy = "Switch to the project with PUT /auth/session, or use one of its keys."
            raise NotFound(f"{project!r} is not the project of this request.", field="project", remedy=remedy)

    async def members(self, project: str) -> list[tuple[User, Membership]]:
        """Return the members of a project, the oldest membership first."""
        found = await self._memberships.find({"project": project}, order=(("created_at", 1),))
        return [(await self.users.get(each.user_id), each) for each in found if each.role]

    async def grant(self, project: str, user: str, role: Role | None) -> tuple[User, Membership]:
        """Give a user, by id or verified e-mail address, a role, or take it with None.

        Raises NotFound, and Conflict for a role lower than the one by groups.
        """
        found = await self._user(user)
        existing = await self._membership(found.id, project)
        if role is None and (existing is None or not existing.role):
            remedy = f"GET /auth/projects/{project}/members lists the members."
            raise NotFound(f"{user!r} is not a member of this project.", field="user", remedy=remedy)
        given = existing.from_groups if existing else None
        if given and (role is None or ROLES.index(role) < ROLES.index(given)):
            detail = f"Groups of the identity provider make this user {given} of the project."
            remedy = "Remove the user from the group there, or change ANNEAL_OIDC_ROLES."
            raise Conflict(detail, field="role", limit=given, remedy=remedy)
        return found, await self._change(found.id, project, lambda each: setattr(each, "granted", role))

    async def sign_in(self, identity: Identity, roles: Mapping[str, Role]) -> User:
        """Record a sign-in with the roles that the groups give by project. Raises SignInFailed for a disabled user."""
        id = derived_id("user", quote(identity.issuer, safe=""), identity.subject)
        await self.users.create(User(id=id, project="", issuer=identity.issuer, issuer_subject=identity.subject))

        def note(user: User) -> None:
            user.email, user.email_verified, user.name = identity.email, identity.email_verified, identity.name
            user.signed_in_at = now()

        user = await self.users.change(id, note)
        if user.disabled_at:
            remedy = "Ask the operator to enable you."
            raise SignInFailed("This user is disabled.", remedy=remedy)
        former = {each.project for each in await self._memberships.find({"user_id": id}) if each.from_groups}
        for project in former | set(roles):
            await self._change(id, project, partial(_set_from_groups, role=roles.get(project)))
        return user

    async def set_disabled(self, id: str, disabled: bool) -> User:
        """Disable a user, whose sessions and keys end, or enable one. Raises NotFound."""
        user = await self.users.change(id, lambda found: setattr(found, "disabled_at", now() if disabled else None))
        for each in await self._memberships.find({"user_id": id}):
            self._roles.pop((id, each.project), None)
            await self.revoke_excess_keys(id, each.project)
        return user

    async def require_scopes(self, user_id: str, project: str) -> tuple[str, ...]:
        """Return the scopes of a user in a project. Raises Unauthenticated for one who is no member (any more)."""
        until, role = self._roles.get((user_id, project), (0.0, None))
        if time.monotonic() > until:
            role = await self._role(user_id, project)
            if len(self._roles) >= CACHE_SIZE:
                self._roles.clear()
            self._roles[user_id, project] = (time.monotonic() + CACHE_TTL_S, role)
        if role is None:
            raise Unauthenticated(f"You are no longer a member of the project {project!r}.", remedy="Sign in again.")
        return (SCOPES[role],)

    async def revoke_excess_keys(self, user_id: str, project: str) -> None:
        """Revoke the keys that a user has created in a project and that may do more than the user's role."""
        role = await self._role(user_id, project)
        rank = SCOPE_RANKS[SCOPES[role]] if role else -1

        def exceeds(key: Key) -> bool:
            return key.project == project and max(SCOPE_RANKS[scope] for scope in key.scopes) > rank

        await self._keys.revoke_created_by(user_id, exceeds)

    async def _role(self, user_id: str, project: str) -> Role | None:
        user, found = await self.users.get(user_id), await self._membership(user_id, project)
        return found.role if found and not user.disabled_at else None

    async def _membership(self, user_id: str, project: str) -> Membership | None:
        found = await self._memberships.find({"_id": derived_id("membership", project, user_id)})
        return found[0] if found else None

    async def _change(self, user_id: str, project: str, mutate: Callable[[Membership], None]) -> Membership:
        await self.add_project(project)
        id = derived_id("membership", project, user_id)
        await self._memberships.create(Membership(id=id, project=project, user_id=user_id))
        changed = await self._memberships.change(id, mutate)
        self._roles.pop((user_id, project), None)
        await self.revoke_excess_keys(user_id, project)
        return changed

    async def _user(self, user: str) -> User:
        """Return the user with this id or verified e-mail address. Raises NotFound and Conflict."""
        found = await self.users.find({"_id": user} if is_user(user) else {"email": user, "email_verified": True})
        if len(found) > 1:
            ids = [each.id for each in found]
            raise Conflict(f"Several users have the address {user!r}.", field="user", limit=ids, remedy="Give an id.")
        if not found:
            remedy = "Give the id of a user, or the verified e-mail address of one who has signed in before."
            raise NotFound(f"There is no user {user!r}.", field="user", remedy=remedy)
        return found[0]
