"""HTTP: the limits and usage of the caller, and the limits that an admin or the operator sets."""

from typing import Annotated, Literal

from fastapi import APIRouter, Path
from pydantic import BaseModel, Field

from services.gateway.limits.limiter import Limiter
from services.gateway.limits.policy import Policy, Target
from services.gateway.models import Key
from shared.documents.entities import EntityStore
from shared.runtime.errors import InvalidInput
from shared.runtime.http.principal import Caller, Forbidden, Principal
from shared.runtime.http.routes import BodyKind
from shared.runtime.limits import KeyLimits, ProjectLimits

TargetName = Annotated[str, Path(pattern=r"^[a-z0-9][a-z0-9_-]{0,38}$", description="a project, or the id of a key")]


class LimitView(BaseModel):
    """One limit of a key or a project, and its usage."""

    per: Literal["key", "project"]
    name: str = Field(description="such as requests_per_minute")
    limit: int | None = Field(description="null: no limit, and nothing is counted")
    used: float | None = Field(description="in the last minute, day or month, or now; null without a limit")


class Limits(BaseModel):
    """Limits and their usage."""

    limits: list[LimitView]
    body_bytes: dict[BodyKind, int] = Field(description="maximum bytes of a request's body, by its kind")


def routes(limiter: Limiter, policy: Policy, keys: EntityStore[Key]) -> APIRouter:
    """Return the routes."""
    router = APIRouter(tags=["System"])

    async def view(caller: Principal, *targets: Target) -> Limits:
        return Limits(
            limits=[
                LimitView(per=target.per, name=name, limit=limit, used=await limiter.used(target, name, caller))
                for target in targets
                for name, limit in target.limits
            ],
            body_bytes=limiter.body_bytes,
        )

    async def require_owned(caller: Principal, target: str, *, change: bool) -> None:
        """An admin sees the project's limits and sets those of its keys; the operator sets all."""
        is_operator = "*" in caller.scopes
        if target.startswith("key_"):
            await (keys if is_operator else keys.for_project(caller.project)).get(target)
        elif is_operator:
            return
        elif change or target != caller.project:
            raise Forbidden("Only the operator may do this.", field="target", remedy="Use the operator's key.")

    @router.get("/limits")
    async def show_limits(caller: Caller) -> Limits:
        """Show the limits of the caller's key and project, with their usage."""
        return await view(caller, *await policy.targets(caller))

    @router.get("/auth/limits/{target}")
    async def show_limits_of(target: TargetName, caller: Caller) -> Limits:
        """Show the limits of a project or key, with their usage."""
        await require_owned(caller, target, change=False)
        return await view(caller, await policy.target(_per(target), target))

    @router.put("/auth/limits/{target}")
    async def set_limits(target: TargetName, body: ProjectLimits, caller: Caller) -> Limits:
        """Set the limits of a project, or of a key by its id. One that is left out has the default of the settings."""
        await require_owned(caller, target, change=True)
        if foreign := body.model_fields_set - KeyLimits.model_fields.keys() if _per(target) == "key" else set():
            detail = f"{sorted(foreign)[0]} is a limit of a project, not of a key."
            raise InvalidInput(detail, field=sorted(foreign)[0], remedy="Set it for the project.")
        return await view(caller, await policy.replace(_per(target), target, caller.project, body))

    return router


def _per(target: str) -> Literal["key", "project"]:
    """The names of projects have no underscore, the ids of keys and users do."""
    return "key" if "_" in target else "project"
