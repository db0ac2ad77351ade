"""Which limits apply: the settings' defaults, or what the API set for a key or project."""

import time
from dataclasses import dataclass
from typing import Any, Literal

from services.gateway.models import LimitOverrides
from shared.documents.entities import EntityStore, derived_id
from shared.runtime.errors import NotFound
from shared.runtime.http.principal import Principal
from shared.runtime.limits import KeyLimits, ProjectLimits
from shared.runtime.settings import Settings

CACHE_TTL_S = 5.0
"""How long another gateway replica may apply the former limits."""
CACHE_SIZE = 4096


@dataclass(frozen=True)
class Target:
    """A key (or the user or session behind a request) or a project, with its limits."""

    per: Literal["key", "project"]
    name: str
    limits: KeyLimits

    @property
    def id(self) -> str:
        """Its name in the counters: a project and a key may have the same name."""
        return f"{self.per}/{self.name}"


class Policy:
    """The limits of every key and project."""

    def __init__(self, overrides: EntityStore[LimitOverrides], settings: Settings) -> None:
        self._overrides = overrides
        self._defaults: dict[str, KeyLimits] = {"key": settings.key_limits, "project": settings.project_limits}
        self._cache: dict[tuple[str, str], tuple[float, Target]] = {}

    async def targets(self, caller: Principal) -> tuple[Target, Target]:
        """The caller's key and project."""
        return await self.target("key", caller.subject), await self.target("project", caller.project)

    async def target(self, per: Literal["key", "project"], name: str) -> Target:
        """One key or project with its limits."""
        until, target = self._cache.get((per, name), (0.0, None))
        if target is None or time.monotonic() > until:
            try:
                values = (await self._overrides.get(derived_id("limits", per, name))).values
            except NotFound:
                values = {}
            target = Target(per, name, self._defaults[per].model_copy(update=values))
            if len(self._cache) >= CACHE_SIZE:
                self._cache.clear()
            self._cache[per, name] = (time.monotonic() + CACHE_TTL_S, target)
        return target

    async def replace(self, per: Literal["key", "project"], name: str, project: str, limits: ProjectLimits) -> Target:
        """Replace what the API set before; a limit that is left out is the settings' default again."""
        values: dict[str, Any] = limits.model_dump(exclude_unset=True)
        id = derived_id("limits", per, name)
        await self._overrides.create(LimitOverrides(id=id, project=project, target=f"{per}/{name}"))
        await self._overrides.change(id, lambda stored: setattr(stored, "values", values))
        self._cache.pop((per, name), None)
        return await self.target(per, name)
