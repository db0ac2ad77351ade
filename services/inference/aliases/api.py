"""HTTP: aliases, their candidates, promotion and rollback."""

from datetime import datetime
from typing import Annotated, Any, Self

from fastapi import APIRouter, Header, Query
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from services.inference.aliases.models import Alias, Candidate, Change
from services.inference.aliases.service import Aliases
from shared.documents.entities import Page, Public
from shared.events.aliases import CandidateState, Outcome
from shared.runtime.http.display_name import DisplayName, refuse_hidden
from shared.runtime.http.principal import Caller
from shared.suites import Suite

Key = Annotated[
    str | None, Header(alias="Idempotency-Key", max_length=200, description="makes the request safe to retry")
]
Limit = Annotated[int, Query(ge=1, le=200, description="items per page")]
Cursor = Annotated[str | None, Query(description="next_cursor of the previous page")]
Name = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=120), AfterValidator(refuse_hidden)
]
ONE, CANDIDATES = "/{name}", "/{name}/candidates"


class AliasRequest(BaseModel):
    """An alias to create."""

    model_config = ConfigDict(extra="forbid")
    name: Name = Field(description="what requests name as their model; no model of the project has it")
    model: str = Field(min_length=1, max_length=200, description="id or unique name of a custom or base model")
    suite: Suite | None = Field(default=None, description="what evaluates candidates; null: only a person decides")
    auto_promote: bool = Field(default=False, description="promote a candidate that passes without a person")
    description: DisplayName = Field(default="", max_length=500, description="a note")


class AliasChange(BaseModel):
    """Changes of an alias: those that are sent. Its model changes by promotion and rollback alone."""

    model_config = ConfigDict(extra="forbid")
    suite: Suite | None = Field(default=None, description="null removes it")
    auto_promote: bool = False
    description: DisplayName = Field(default="", max_length=500)

    def changes(self) -> dict[str, Any]:
        """The new values."""
        return {name: getattr(self, name) for name in self.model_fields_set}


class CandidateRequest(BaseModel):
    """A model that may become the alias's."""

    model_config = ConfigDict(extra="forbid")
    model: str = Field(min_length=1, max_length=200, description="id or unique name of a custom or base model")


class Reason(BaseModel):
    """Why a person promotes or rolls back."""

    model_config = ConfigDict(extra="forbid")
    reason: DisplayName | None = Field(default=None, max_length=500, description="kept in the alias's history")


class AliasView(Public):
    """An alias."""

    name: str
    model_id: str = Field(description="the model that answers")
    previous_model_id: str | None = Field(description="the model to which a rollback goes; it stays loaded")
    suite: Suite | None
    auto_promote: bool
    description: str
    history: list[Change] = Field(description="the latest 100 changes of the model, oldest first")

    @classmethod
    def of(cls, alias: Alias) -> Self:
        """The view of an alias."""
        fields = alias.model_dump(include={*cls.model_fields} - {"suite"})
        return cls(**fields, suite=alias.suite, previous_model_id=alias.previous[-1] if alias.previous else None)


class CandidateView(Public):
    """A candidate."""

    alias_id: str
    alias: str
    model_id: str
    state: CandidateState = Field(description="passed: it waits for a person")
    reasons: list[str] = Field(description="why it has this state")
    submitted_by: str
    suite: Suite | None = Field(description="the alias's when it was submitted")
    current_model_id: str | None = Field(description="the model that it is compared with")
    run_id: str | None = Field(description="its run of the eval")
    current_run_id: str | None = Field(description="the current model's run on the same rows")
    outcome: Outcome
    decided_at: datetime | None

    @classmethod
    def of(cls, candidate: Candidate) -> Self:
        """The view of a candidate."""
        return cls(**candidate.model_dump(include={*cls.model_fields} - {"suite"}), suite=candidate.suite)


def routes(aliases: Aliases) -> APIRouter:
    """Return the routes below /aliases. An alias is addressed by its name, or its id."""
    router = APIRouter(prefix="/aliases", tags=["Inference"])
    _add_aliases(router, aliases)
    _add_candidates(router, aliases)
    return router


def _add_aliases(router: APIRouter, aliases: Aliases) -> None:
    @router.post("", status_code=201)
    async def create_alias(body: AliasRequest, caller: Caller) -> AliasView:
        """Create an alias: a name that requests use as their model. Its model is loaded."""
        fields = {"auto_promote": body.auto_promote, "description": body.description}
        created = await aliases.create(
            caller.project, body.name, body.model, caller.subject, suite=body.suite, **fields
        )
        return AliasView.of(created)

    @router.get("")
    async def list_aliases(caller: Caller, limit: Limit = 50, cursor: Cursor = None) -> Page[AliasView]:
        """List aliases, newest first."""
        page = await aliases.page(caller.project, limit, cursor)
        return Page[AliasView](items=[AliasView.of(item) for item in page.items], next_cursor=page.next_cursor)

    @router.get(ONE)
    async def show_alias(name: str, caller: Caller) -> AliasView:
        """Show an alias with its history."""
        return AliasView.of(await aliases.get(caller.project, name))

    @router.patch(ONE)
    async def change_alias(name: str, body: AliasChange, caller: Caller) -> AliasView:
        """Change the suite, auto_promote or the description. Candidates in evaluation keep their suite."""
        return AliasView.of(await aliases.change(caller.project, name, body.changes()))

    @router.delete(ONE, status_code=204)
    async def delete_alias(name: str, caller: Caller) -> None:
        """Delete an alias; requests by its name are refused from then on. Its models stay."""
        await aliases.delete(caller.project, name)

    @router.post("/{name}/rollback")
    async def roll_back_alias(name: str, caller: Caller, body: Reason = Reason(), key: Key = None) -> AliasView:
        """Point the alias at the model before, which is still loaded. Each call goes back by one promotion."""
        return AliasView.of(await aliases.roll_back(caller.project, name, caller.subject, body.reason, key))


def _add_candidates(router: APIRouter, aliases: Aliases) -> None:
    @router.post(CANDIDATES, status_code=202)
    async def submit_candidate(name: str, body: CandidateRequest, caller: Caller, key: Key = None) -> CandidateView:
        """Evaluate a model by the alias's suite; it passes or is refused."""
        return CandidateView.of(await aliases.submit(caller.project, name, body.model, caller.subject, key=key))

    @router.get(CANDIDATES)
    async def list_candidates(
        name: str, caller: Caller, state: CandidateState | None = None, limit: Limit = 50, cursor: Cursor = None
    ) -> Page[CandidateView]:
        """List the candidates of an alias, newest first."""
        where = {"state": str(state)} if state else {}
        page = await aliases.candidates(caller.project, name, where, limit, cursor)
        return Page[CandidateView](items=[CandidateView.of(item) for item in page.items], next_cursor=page.next_cursor)

    @router.get(CANDIDATES + "/{candidate_id}")
    async def show_candidate(name: str, candidate_id: str, caller: Caller) -> CandidateView:
        """Show a candidate: its state and the results, with the rows that got worse."""
        return CandidateView.of(await aliases.candidate(caller.project, name, candidate_id))

    @router.post(CANDIDATES + "/{candidate_id}/promote")
    async def promote_candidate(name: str, candidate_id: str, caller: Caller, body: Reason = Reason()) -> CandidateView:
        """Load the model of a candidate that has passed, then point the alias at it."""
        return CandidateView.of(await aliases.promote(caller.project, name, candidate_id, caller.subject, body.reason))
