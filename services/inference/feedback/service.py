"""Use cases of feedback: store answers, take verdicts on them, delete both, and hand out rows of data."""

import asyncio
import json
import math
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import suppress
from datetime import timedelta
from functools import partial
from typing import Any

from services.inference.feedback.models import (
    Feedback,
    FeedbackRequest,
    FeedbackSummary,
    Kind,
    StoredResponse,
    digest,
    judge,
)
from services.inference.feedback.rows import Selection, of_kind, select, to_row, votes_by_model
from services.inference.feedback.store import FeedbackStores
from shared.documents.entities import Page, derived_id, now
from shared.runtime.errors import AnnealError, InvalidInput, NotFound, Unavailable
from shared.runtime.http.principal import Forbidden, Principal
from shared.runtime.http.routes import SCOPE_RANKS, KeyScope

MAX_PROMPT_BYTES = 2**20
"""Of a stored response."""
MAX_UNRATED = 10_000
"""Stored responses without feedback, in a project; the oldest make room."""
MAX_UNRATED_BYTES = 2**28
"""Of these responses together; the oldest make room."""
MAX_RATED_BYTES = 2**30
"""Of stored responses with feedback, in a project."""
EXCESS = 1.05
"""Of these limits, until a project's answers are counted again and trimmed to them: counting reads them all."""
PAGE = 50
SWEEP_INTERVAL_S = 3600.0
RATED, UNRATED = {"rated": True}, {"rated": False}
"""Also a condition of each removal: an answer may be rated after it was found."""


class PromptsDiffer(InvalidInput):
    """A preference needs two answers to the same prompt."""

    code = "prompts_differ"


class TooManyRated(AnnealError):
    """The project's answers with feedback are as large as they may be."""

    status = 413
    code = "quota_exceeded"


class FeedbackService:
    """Feedback of all projects. Answers without feedback are kept for `days`."""

    def __init__(
        self,
        stores: FeedbackStores,
        days: float,
        max_unrated: int = MAX_UNRATED,
        max_unrated_bytes: int = MAX_UNRATED_BYTES,
        max_rated_bytes: int = MAX_RATED_BYTES,
    ) -> None:
        self._stores, self._days, self._max_rated_bytes = stores, days, max_rated_bytes
        self._max_unrated, self._max_unrated_bytes = max_unrated, max_unrated_bytes
        self._kept: dict[str, tuple[float, int]] = {}
        """Of each project: answers without feedback and their bytes, or more, as some are rated or deleted since."""
        self._rated: dict[str, int] = {}
        """Of each project: bytes of its answers with feedback, or more."""

    @staticmethod
    def require_storable(prompt: Mapping[str, Any]) -> None:
        """Raise InvalidInput for a prompt that is too long to be stored."""
        if len(json.dumps(prompt)) > MAX_PROMPT_BYTES:
            remedy = "Shorten the messages, or leave store out."
            detail = "The prompt is too long to be stored."
            raise InvalidInput(detail, field="store", limit=MAX_PROMPT_BYTES, remedy=remedy)

    async def keep(
        self, caller: Principal, model_id: str, prompt: Mapping[str, Any], completion: Mapping[str, Any]
    ) -> None:
        """Store a completion with one choice."""
        answer = StoredResponse.of(caller.project, caller.subject, model_id, prompt, completion)
        await self._stores.responses.for_project(caller.project).create(answer)
        answers, size = self._kept.get(caller.project, (math.inf, 0))
        self._kept[caller.project] = answers, size = answers + 1, size + answer.size
        if answers > self._max_unrated * EXCESS or size > self._max_unrated_bytes * EXCESS:
            await self._trim(caller.project)

    async def _trim(self, project: str) -> None:
        """Remove the oldest answers without feedback, beyond the limits."""
        self._kept[project], answers, size = (0, 0), 0, 0
        async for each in self._each(project, UNRATED):
            answers, size = answers + 1, size + each.size
            if answers > self._max_unrated or size > self._max_unrated_bytes:
                await self._stores.responses.remove(each.id, UNRATED)
        since = self._kept[project]
        found = min(answers, self._max_unrated), min(size, self._max_unrated_bytes)
        self._kept[project] = (since[0] + found[0], since[1] + found[1])

    async def _each(self, project: str, where: dict[str, Any]) -> AsyncIterator[StoredResponse]:
        """The stored responses that match, newest first, without all in memory."""
        cursor, more = None, True
        while more:
            page = await self._stores.responses.for_project(project).page(where, limit=PAGE, cursor=cursor)
            for each in page.items:
                yield each
            cursor, more = page.next_cursor, page.next_cursor is not None

    async def response(self, caller: Principal, id: str, *, field: str = "id", change: bool = False) -> StoredResponse:
        """Return a stored response; those of others need the scope `read`, and `write` to `change` them.

        Raises NotFound or Forbidden.
        """
        with suppress(NotFound):
            found = await self._stores.responses.for_project(caller.project).get(id)
            if found.by == caller.subject or _has_scope(caller, "read"):
                _require_own(caller, found.by, change=change)
                return found
        kept = f"Answers without feedback are kept for {self._days:g} days."
        remedy = f"Send the request for the answer with store: true, and use its id. {kept}"
        raise NotFound(f"There is no stored response {id!r} in this project.", field=field, remedy=remedy)

    async def delete_response(self, caller: Principal, id: str) -> None:
        """Delete a stored response and all feedback on it. Raises NotFound or Forbidden."""
        await self.response(caller, id, change=True)
        stores = self._stores.for_project(caller.project)
        for each in await stores.about(id):  # first: a deletion cut off is repeated
            await self._remove(each)
        await stores.responses.remove(id)
        for each in await stores.about(id):  # given in the meantime; what is given from now on finds no answer
            await self._remove(each)

    async def give(self, caller: Principal, request: FeedbackRequest) -> Feedback:
        """Store a verdict in place of an earlier one of the caller on the same answers.

        Raises NotFound, PromptsDiffer or TooManyRated.
        """
        fields = ["response"] if request.response else ["tie", "tie"] if request.tie else ["chosen", "rejected"]
        ids = zip(request.responses, fields, strict=True)
        responses = [await self.response(caller, id, field=field) for id, field in ids]
        if len({digest(response.prompt) for response in responses}) > 1:
            remedy = "Ask both models the same: messages, tools and chat_template_kwargs."
            raise PromptsDiffer("The two answers are to different prompts.", field=fields[1], remedy=remedy)
        await self._require_room(caller.project, sum(each.size for each in responses if not each.rated), fields[0])
        stores = self._stores.for_project(caller.project)
        newer = _feedback(caller, request, responses)
        stored = await stores.feedback.create(newer)
        try:
            for response in responses:  # after that: see _remove
                await stores.responses.change(response.id, _mark_rated)  # a sweep keeps it from now on
        except NotFound:  # deleted in the meantime
            await self._remove(stored)
            raise
        return stored if stored is newer else await stores.feedback.change(stored.id, lambda f: f.replace(newer))

    async def _require_room(self, project: str, size: int, field: str) -> None:
        """Count answers that become rated. Raises TooManyRated."""
        limit = self._max_rated_bytes
        if size and self._rated.get(project, limit) + size > limit:
            self._rated[project] = sum([each.size async for each in self._each(project, RATED)])
            if (used := self._rated[project]) + size > limit:
                detail = f"The answers with feedback take {used} bytes, and may take {limit}."
                remedy = "Delete those that datasets have by now: DELETE /v1/chat/completions/<completion-id>."
                raise TooManyRated(detail, field=field, limit=limit, remedy=remedy)
        self._rated[project] = self._rated.get(project, limit) + size

    async def page(self, project: str, kind: Kind | None, limit: int, cursor: str | None) -> Page[Feedback]:
        """Return a page of feedback, newest first."""
        where = {"kind": kind} if kind else None
        return await self._stores.feedback.for_project(project).page(where, limit=limit, cursor=cursor)

    async def delete(self, caller: Principal, id: str) -> None:
        """Delete feedback; that of others needs the scope `write`. Raises NotFound or Forbidden."""
        found = await self._stores.feedback.for_project(caller.project).get(id)
        _require_own(caller, found.by, change=True)
        await self._remove(found)

    async def summary(self, project: str) -> FeedbackSummary:
        """Count a project's feedback."""
        found = await self._stores.feedback.for_project(project).find()
        counts = {kind: select(of_kind(found, kind)).summary() for kind in ("preferences", "ratings")}
        return FeedbackSummary(**counts, models=votes_by_model(found))

    async def rows(self, project: str, kind: Kind, models: Collection[str]) -> tuple[Selection, AsyncIterator[bytes]]:
        """Select verdicts, of answers of these models alone if any are named; yield their rows as JSON Lines."""
        found = await self._stores.feedback.for_project(project).find({"kind": kind})
        selected = select([each for each in found if not models or {*each.models} <= {*models}])
        return selected, self._lines(project, selected.verdicts)

    async def _lines(self, project: str, verdicts: Sequence[Feedback]) -> AsyncIterator[bytes]:
        stores = self._stores.for_project(project)
        for each in verdicts:
            with suppress(NotFound):  # its answer was deleted in the meantime
                ids = filter(None, (each.first, each.second))
                row = to_row(each, [await stores.responses.get(id) for id in ids])
                yield json.dumps(row).encode() + b"\n"

    async def _remove(self, feedback: Feedback) -> None:
        """Delete feedback; an answer that has none any more is kept no longer than others.

        One that was marked since it was read has other feedback, which was stored before.
        """
        await self._stores.feedback.remove(feedback.id)
        for id in filter(None, (feedback.first, feedback.second)):
            with suppress(NotFound):
                before = await self._stores.responses.get(id)
                if not await self._stores.about(id):
                    await self._stores.responses.change(id, partial(_mark_unrated, version=before.version))

    async def sweep(self) -> None:
        """Remove answers without feedback that are too old, or that other replicas stored beyond the limits."""
        before = (now() - timedelta(days=self._days)).isoformat()
        while found := await self._stores.responses.find({**UNRATED, "created_at": {"$lt": before}}, limit=200):
            for response in found:
                await self._stores.responses.remove(response.id, UNRATED)
        for project in [*self._kept]:
            await self._trim(project)
        self._rated.clear()  # other replicas store too

    async def run(self) -> None:
        """Sweep until cancelled."""
        while True:
            with suppress(Unavailable):
                await self.sweep()
            await asyncio.sleep(SWEEP_INTERVAL_S)


def _feedback(caller: Principal, request: FeedbackRequest, responses: Sequence[StoredResponse]) -> Feedback:
    """The entity; its id is the same for each verdict of the caller on these answers."""
    first, *others = request.responses
    kind: Kind = "preferences" if others else "ratings"
    return Feedback(
        id=derived_id("feedback", caller.project, caller.subject, *sorted(request.responses)),
        project=caller.project,
        by=caller.subject,
        kind=kind,
        verdict=request.verdict,
        first=first,
        second=others[0] if others else None,
        comment=request.comment,
        models=[response.model_id for response in responses],
        prompt_key=digest(responses[0].prompt),
        answer_keys=[response.answer_key for response in responses],
        left_out=judge(request.verdict, list(responses)),
    )


def _mark_rated(response: StoredResponse) -> None:
    response.rated = True


def _mark_unrated(response: StoredResponse, version: int) -> None:
    if response.version == version:
        response.rated = False


def _has_scope(caller: Principal, scope: KeyScope) -> bool:
    return any(SCOPE_RANKS.get(held, -1) >= SCOPE_RANKS[scope] for held in caller.scopes)


def _require_own(caller: Principal, by: str, *, change: bool) -> None:
    if change and by != caller.subject and not _has_scope(caller, "write"):
        remedy = "Use a key with the scope 'write', or that of its owner."
        raise Forbidden("It belongs to another key or user.", field="id", limit=list(caller.scopes), remedy=remedy)
