"""Quotas of a project: what its training jobs and its stored files may use. Only projects with a quota are measured."""

import asyncio
import time
from collections import defaultdict
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import replace
from datetime import timedelta

from starlette.types import Scope

from services.gateway.limits.errors import QuotaExceeded, rate_limited
from services.gateway.limits.policy import Target
from services.gateway.upstreams import Upstreams, service_unavailable
from shared.blobs.protocol import Blobs
from shared.documents.entities import now
from shared.runtime.http.principal import Principal
from shared.runtime.limits import KeyLimits, ProjectLimits

QUOTAS = ProjectLimits.model_fields.keys() - KeyLimits.model_fields.keys()
STORED = "stored_bytes"
QUEUE_RETRY_S = 60.0
MEASURED_EVERY_S = 30.0
"""How old the measured size of a project's files may be: what is stored meanwhile can exceed the quota."""


class Quotas:
    """Measures what projects use: jobs by the training service, files in the blob store."""

    def __init__(self, upstreams: Upstreams, blobs: Blobs) -> None:
        self._upstreams, self._blobs = upstreams, blobs
        self._stored: dict[str, tuple[float, int]] = {}
        self._turns: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    def turn(self, project: Target) -> AbstractAsyncContextManager[object]:
        """Held while a job is submitted, so that two requests at once do not both pass the check."""
        return self._turns[project.name] if getattr(project.limits, "queued_jobs", None) else nullcontext()

    async def check(self, project: Target, caller: Principal, *, queues: bool) -> None:
        """Raise RateLimited or QuotaExceeded where a quota is used up."""
        for name in sorted(QUOTAS if queues else {STORED}):
            limit = getattr(project.limits, name)
            if limit is None or (used := await self.used(project, name, caller)) < limit:
                continue
            if name == STORED:
                remedy = "Delete datasets, models or exports, or ask the operator for a higher limit."
                detail = f"The project stores {used:.0f} bytes, and may store {limit}."
                raise QuotaExceeded(detail, field=name, limit=limit, remedy=remedy)
            raise rate_limited(project, name, used, QUEUE_RETRY_S if name == "queued_jobs" else _rest_of_month())

    async def is_stored(self, service: str, scope: Scope, caller: Principal) -> bool:
        """Whether what a GET would build if it were absent is there or being built; a HEAD builds nothing."""
        response = await self._upstreams.head(service, scope["path"], scope["query_string"].decode("latin-1"), caller)
        return response.status_code != 202 or "location" in response.headers

    async def used(self, project: Target, name: str, caller: Principal) -> float:
        """What the project uses of one quota. Raises ServiceUnavailable."""
        if name == STORED:
            return await self._stored_bytes(project.name)
        reader = replace(caller, project=project.name)
        response = await self._upstreams.get("training", "/training/jobs/usage", reader)
        if response.is_error:
            raise service_unavailable("training")
        return float(response.json()[name.removesuffix("_per_month")])

    async def _stored_bytes(self, project: str) -> int:
        measured_at, size = self._stored.get(project, (0.0, 0))
        if time.monotonic() - measured_at > MEASURED_EVERY_S or not measured_at:
            size = sum((await self._blobs.sizes(project)).values())
            self._stored[project] = (time.monotonic(), size)
        return size


def _rest_of_month() -> float:
    moment = now()
    first = moment.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    return ((first + timedelta(days=32)).replace(day=1) - moment).total_seconds()
