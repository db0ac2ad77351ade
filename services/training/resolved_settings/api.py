"""HTTP: settings of a job that is being written."""

from typing import Annotated, Any

from fastapi import APIRouter, Body

from services.training.resolved_settings.service import SettingsResolver
from services.training.resolved_settings.views import BaseFits, SettingsView
from shared.runtime.http.principal import Caller

Request = Annotated[dict[str, Any], Body(description="the body of a job; fields may be missing or wrong")]
Bases = Annotated[list[str], Body(max_length=100, description="references of base models")]


def routes(resolver: SettingsResolver) -> APIRouter:
    """The routes below /training/settings."""
    router = APIRouter(prefix="/training/settings", tags=["Training"])

    @router.post("")
    async def resolve_training_settings(request: Request, caller: Caller) -> SettingsView:
        """Resolve every setting of a job: its value, where that comes from, its limits; and all problems at once.

        Nothing is queued, and no row is tokenized. Wrong fields are reported and then left out.
        """
        return await resolver.resolve(caller.project, request)

    @router.post("/fits")
    async def list_fitting_bases(bases: Bases, request: Request, caller: Caller) -> BaseFits:
        """Whether the job would fit into memory on each of these base models."""
        return await resolver.fits(caller.project, bases, request)

    return router
