"""The use cases of aliases: create, show, change, delete; submit, decide and promote candidates; roll back."""

import asyncio
import hashlib
from contextlib import suppress
from typing import Any

import structlog

from services.inference.aliases.errors import CandidateOutdated, NameTaken
from services.inference.aliases.models import Alias, Candidate, Change
from services.inference.aliases.store import AliasStores
from services.inference.deployments.catalog import Catalog
from services.inference.deployments.service import Deployments
from services.inference.errors import AmbiguousModel, ModelNotFound
from shared.blobs.aliases import ALIASES, alias_key
from shared.blobs.protocol import Blobs
from shared.blobs.uses import add_use, all_uses, remove_use
from shared.documents.entities import Page, derived_id, new_id
from shared.events.aliases import AliasCandidateEvaluated, AliasCreated
from shared.model_names import ALLOWED, plain_name
from shared.runtime.errors import AnnealError, Conflict, InvalidInput, NotFound, Unavailable
from shared.suites import Suite

log = structlog.get_logger(__name__)

ALIASES_LIMIT = 100
"""Aliases of a project."""
EVALUATING_LIMIT = 10
"""Candidates of an alias that are evaluated at once: each takes two runs of its eval."""
RESUME_RETRY_S = 5.0
AUTO_PROMOTE = "anneal/inference"
"""The actor of a promotion without a person."""


class Aliases:
    """What the API and the event handlers call."""

    def __init__(self, stores: AliasStores, blobs: Blobs, catalog: Catalog, deployments: Deployments) -> None:
        self._stores, self._blobs, self._catalog, self._deployments = stores, blobs, catalog, deployments
        self._counting = asyncio.Lock()

    async def create(
        self, project: str, name: str, model: str, actor: str, *, suite: Suite | None, **fields: Any
    ) -> Alias:
        """Create an alias of a model. Raises NameTaken, InvalidInput, Conflict and ModelNotFound."""
        if (plain := plain_name(name) if name.strip(".") else "alias") != name:  # dots are no part of a path
            remedy = f"Use a name such as {plain!r}."
            raise InvalidInput(f"{name!r} cannot be an alias.", field="name", limit=ALLOWED, remedy=remedy)
        found = await self._catalog.find_model(project, model)
        await self._require_free(project, name)
        alias = Alias(
            id=new_id("alias"),
            project=project,
            name=name,
            model_id=found.id,
            suite=suite,
            history=[Change(action="created", actor=actor, model_id=found.id)],
            **fields,
        )
        _require_suite_for_auto_promote(alias)
        async with self._counting:
            if await self._stores.aliases.for_project(project).count() >= ALIASES_LIMIT:
                detail = f"The project has {ALIASES_LIMIT} aliases."
                raise Conflict(detail, field="name", limit=ALIASES_LIMIT, remedy="Delete one that is not used.")
            await self._blobs.put(alias_key(project, name), b"")
            await self._keep(alias)
            try:
                created = await self._stores.aliases.create(alias, [_created(alias, actor)])
            except NotFound as error:  # another request has taken the name: a unique index holds it to one
                await self._release(project, alias.id, set())
                raise _taken(name, "alias", name) from error
        await self.settle(created.id)  # also what the start of another process has released meanwhile
        return created

    async def page(self, project: str, limit: int, cursor: str | None) -> Page[Alias]:
        """A page of the project's aliases, newest first."""
        return await self._stores.aliases.for_project(project).page(limit=limit, cursor=cursor)

    async def get(self, project: str, name: str) -> Alias:
        """The alias with this name or id. Raises NotFound."""
        if found := await self._stores.named(project, name):
            return found
        try:
            return await self._stores.aliases.for_project(project).get(name)
        except NotFound as error:
            error.field = "name"
            raise

    async def change(self, project: str, name: str, changes: dict[str, Any]) -> Alias:
        """Change the suite, auto_promote or description. Candidates in evaluation keep the suite that they have."""

        def apply(alias: Alias) -> None:
            for field, value in changes.items():
                setattr(alias, field, value)
            _require_suite_for_auto_promote(alias)

        return await self._stores.aliases.change((await self.get(project, name)).id, apply)

    async def delete(self, project: str, name: str) -> None:
        """Delete an alias. Its models stay, and what it had deployed is undeployed."""
        alias = await self.get(project, name)
        await self._stores.aliases.delete(alias.id)
        for candidate in await self._stores.candidates.find({"alias_id": alias.id, "state": "evaluating"}):
            await self._stores.candidates.change(candidate.id, lambda c: c.cancel("The alias was deleted."))
        await self._clear(alias)

    async def submit(
        self, project: str, name: str, model: str, actor: str, *, key: str | None = None, event_id: str | None = None
    ) -> Candidate:
        """Submit a model as a candidate; of a repeated key or event, return the one. Raises ModelNotFound, Conflict."""
        alias = await self.get(project, name)
        found = await self._catalog.find_model(project, model)
        id = derived_id("candidate", alias.id, key or event_id or "") if key or event_id else new_id("candidate")
        digest = hashlib.sha256(found.id.encode()).hexdigest() if key else None
        if existing := await self._stores.candidates.for_project(project).find_repeated(id, digest):
            return existing
        alias.require_other(found.id)
        compares = alias.suite is not None and alias.suite.max_regression is not None
        candidate = Candidate(
            id=id,
            project=project,
            request_hash=digest,
            alias_id=alias.id,
            alias=alias.name,
            model_id=found.id,
            submitted_by=actor,
            suite=alias.suite,
            state="evaluating" if alias.suite else "passed",
            reasons=[] if alias.suite else ["The alias has no suite: nothing was evaluated."],
            current_model_id=alias.model_id if compares else None,
        )
        async with self._counting:
            evaluating = {"alias_id": alias.id, "state": "evaluating"}
            if await self._stores.candidates.count(evaluating) >= EVALUATING_LIMIT:
                remedy = "Wait until one has ended, or cancel its run of the eval."
                detail = f"{EVALUATING_LIMIT} candidates of the alias are being evaluated."
                raise Conflict(detail, field="model", limit=EVALUATING_LIMIT, remedy=remedy)
            return await self._stores.candidates.create(candidate, candidate.submitted())

    async def candidates(
        self, project: str, name: str, where: dict[str, str], limit: int, cursor: str | None
    ) -> Page[Candidate]:
        """A page of an alias's candidates, newest first. Raises NotFound."""
        alias = await self.get(project, name)
        store = self._stores.candidates.for_project(project)
        return await store.page({"alias_id": alias.id, **where}, limit=limit, cursor=cursor)

    async def candidate(self, project: str, name: str, id: str) -> Candidate:
        """A candidate of an alias. Raises NotFound."""
        alias = await self.get(project, name)
        try:
            found = await self._stores.candidates.for_project(project).get(id)
        except NotFound as error:
            error.field, error.remedy = "candidate_id", f"GET /aliases/{alias.id}/candidates lists them."
            raise
        if found.alias_id != alias.id:
            remedy = f"GET /aliases/{alias.id}/candidates lists them."
            raise NotFound(f"The alias has no candidate {id!r}.", field="candidate_id", remedy=remedy)
        return found

    async def promote(self, project: str, name: str, id: str, actor: str, reason: str | None) -> Candidate:
        """Load a candidate's model, then point the alias at it, in one write. A promoted candidate is returned.

        Raises NotPromotable, CandidateOutdated, ModelNotFound, and the errors of loading: the alias stays as it is.
        """
        candidate = await self.candidate(project, name, id)
        alias = await self._stores.aliases.get(candidate.alias_id)
        if candidate.state == "promoted":
            candidate.require_still_current(alias.model_id)
            return candidate
        if not alias.has_promoted(candidate.id):  # else a killed process did not come to mark it
            candidate.require_passed()
            alias.require_other(candidate.model_id)
            candidate.require_current(alias.model_id)
            try:
                await self._deployments.warm(project, candidate.model_id, alias.id)
                await add_use(self._blobs, project, candidate.model_id, alias.id)
                await self._stores.aliases.change(alias.id, lambda a: a.promote(candidate, actor, reason))
            except BaseException:
                await self.settle(alias.id)  # what was deployed for it
                raise
        await self.on_changed(alias.id, candidate.id)
        return await self._stores.candidates.get(candidate.id)

    async def roll_back(self, project: str, name: str, actor: str, reason: str | None, key: str | None) -> Alias:
        """Point the alias at the model before, in one write, without loading; once per Idempotency-Key."""
        alias = await self.get(project, name)
        event_id = derived_id("rollback", alias.id, key) if key else None
        if event_id and event_id in alias.seen:
            return alias
        previous = [id for id in alias.previous if await self._exists(project, id)]
        rolled_back = await self._stores.aliases.change(
            alias.id, lambda a: a.roll_back(alias.previous, previous, actor, reason), event_id=event_id
        )
        await self.settle(alias.id)
        return rolled_back

    async def on_evaluated(self, event: AliasCandidateEvaluated) -> None:
        """Decide on a candidate whose runs have ended, and promote it if its alias says so. Idempotent."""
        try:
            candidate = await self._stores.candidates.get(event.candidate_id)
            alias = await self._stores.aliases.get(candidate.alias_id)
        except NotFound:
            log.info("alias_deleted", candidate_id=event.candidate_id)
            return
        if alias.has_promoted(candidate.id):
            await self.on_changed(alias.id, candidate.id)
            return
        is_outdated = candidate.current_model_id not in (None, alias.model_id) and candidate.model_id != alias.model_id
        if event.state == "succeeded" and is_outdated:
            await self._stores.candidates.change(candidate.id, lambda c: c.compare_again(alias.model_id))
            return
        candidate = await self._stores.candidates.change(candidate.id, lambda c: c.decide(event))
        if candidate.state == "passed" and alias.auto_promote and event.round == candidate.round:
            await self._promote_unseen(candidate, alias)

    async def _promote_unseen(self, candidate: Candidate, alias: Alias) -> None:
        """Promote without a person. Where that is not possible, the candidate waits for one, and says why."""
        try:
            if candidate.current_model_id is None and alias.changed_since(candidate.created_at):
                remedy = "Promote it if it is the better one."
                raise Conflict("The alias's model has changed since it was submitted.", field="model", remedy=remedy)
            await self.promote(candidate.project, alias.id, candidate.id, AUTO_PROMOTE, candidate.reasons[0])
        except CandidateOutdated:
            current = await self._stores.aliases.get(alias.id)
            await self._stores.candidates.change(candidate.id, lambda c: c.compare_again(current.model_id))
        except AnnealError as error:
            if error.status >= 500:
                raise
            reason = f"It was not promoted by itself: {error.detail}"
            await self._stores.candidates.change(candidate.id, lambda c: c.note(reason))

    async def on_changed(self, alias_id: str, candidate_id: str | None) -> None:
        """Finish what a promotion or a rollback began, wherever its process was killed. Idempotent."""
        if candidate_id:
            await self._stores.candidates.change(candidate_id, Candidate.mark_promoted)
        await self.settle(alias_id)

    async def resume(self) -> None:
        """After a start, finish what a killed process began, once the servers answer."""
        while True:
            try:
                return await self._settle_all()
            except Unavailable as error:
                log.warning("aliases_not_settled", reason=error.detail)
                await asyncio.sleep(RESUME_RETRY_S)

    async def _settle_all(self) -> None:
        """Make deployments, uses and names what the aliases say."""
        known = {alias.id: alias for alias in await self._stores.aliases.find()}
        for id, alias in known.items():
            await self.settle(id)
            for candidate in await self._stores.candidates.find({"alias_id": id, "state": "passed"}):
                if alias.has_promoted(candidate.id):
                    await self._stores.candidates.change(candidate.id, Candidate.mark_promoted)
        blobs = await self._blobs.list(ALIASES)
        gone = {(use.project, use.work_id) for use in await all_uses(self._blobs) if use.work_id.startswith("alias_")}
        known = {alias.id: alias for alias in await self._stores.aliases.find()}  # also those created meanwhile
        for project, id in gone:
            if id not in known:
                await self._release(project, id, set())
        names = {alias_key(alias.project, alias.name) for alias in known.values()}
        for blob in blobs:
            if blob.key not in names:
                await self._blobs.delete(blob.key)

    async def settle(self, id: str) -> None:
        """Keep the current model and the one before it loaded and undeletable, and no other. Idempotent."""
        alias = await self._stored(id)
        if alias is None:
            for project in {use.project for use in await all_uses(self._blobs) if use.work_id == id}:
                await self._release(project, id, set())  # what a promotion began while it was deleted
            return
        await self._keep(alias)
        await self._deploy_kept(alias)
        if current := await self._stored(id):  # it may have changed meanwhile
            await self._release(alias.project, id, set(current.kept))
        else:
            await self._clear(alias)

    async def _stored(self, id: str) -> Alias | None:
        with suppress(NotFound):
            return await self._stores.aliases.get(id)
        return None

    async def _clear(self, alias: Alias) -> None:
        """Remove what is kept for an alias that was deleted."""
        if not await self._stores.named(alias.project, alias.name):  # the name may be another alias's by now
            await self._blobs.delete(alias_key(alias.project, alias.name))
        await self._release(alias.project, alias.id, set())

    async def _keep(self, alias: Alias) -> None:
        for model_id in alias.kept:
            await add_use(self._blobs, alias.project, model_id, alias.id)
        await self._blobs.put(alias_key(alias.project, alias.name), b"")

    async def _deploy_kept(self, alias: Alias) -> None:
        """Deploy the alias's models unless they are; loading goes on in the background."""
        for model_id in alias.kept:
            try:
                await self._deployments.deploy(alias.project, model_id, None, alias_id=alias.id)
            except ModelNotFound:
                log.warning("model_of_alias_is_gone", alias_id=alias.id, model_id=model_id)

    async def _release(self, project: str, alias_id: str, kept: set[str]) -> None:
        """Undeploy what the alias has deployed, and let its models be deleted, except those in `kept`."""
        for use in await all_uses(self._blobs):
            if use.work_id == alias_id and use.artifact_id not in kept:
                await remove_use(self._blobs, *use)
        others = [other for other in await self._stores.listed(project) if other.id != alias_id]
        for deployment in await self._deployments.of_alias(project, alias_id):
            if deployment.model_id not in kept:
                heir = next((other.id for other in others if deployment.model_id in other.kept), None)
                await self._deployments.hand_over(deployment, heir)

    async def _exists(self, project: str, model_id: str) -> bool:
        try:
            return bool(await self._catalog.find_model(project, model_id))
        except ModelNotFound:
            return False

    async def _require_free(self, project: str, name: str) -> None:
        """Raise NameTaken where requests mean something by this name already."""
        if await self._stores.named(project, name):
            raise _taken(name, "alias", name)
        try:
            found = await self._catalog.find_model(project, name)
        except AmbiguousModel as error:
            raise _taken(name, "models", ", ".join(error.limit)) from error
        except ModelNotFound:
            return
        raise _taken(name, "model", found.id)


def _created(alias: Alias, actor: str) -> AliasCreated:
    return AliasCreated(alias_id=alias.id, alias=alias.name, model_id=alias.model_id, actor=actor)


def _taken(name: str, kind: str, id: str) -> NameTaken:
    return NameTaken(
        f"Requests mean the {kind} {id} by {name!r}.",
        field="name",
        limit="no id or name of a model, and no other alias",
        remedy=f"Use another name, such as {f'{name} 2'!r}.",
    )


def _require_suite_for_auto_promote(alias: Alias) -> None:
    if alias.auto_promote and alias.suite is None:
        remedy = "Give a suite, or leave auto_promote out."
        detail = "auto_promote needs a suite: without one every candidate would be promoted unseen."
        raise InvalidInput(detail, field="auto_promote", limit=False, remedy=remedy)
