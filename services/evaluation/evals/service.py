"""Use cases of evals: create, show, change, list and delete evals; start, show, list, cancel and delete runs."""

import hashlib
import json
from collections.abc import Awaitable
from dataclasses import dataclass
from typing import Any, TypeVar

from services.evaluation.errors import UnfinishedRuns
from services.evaluation.evals.models import MAX_ITEMS, STATUSES, Eval, EvalRun, OutputItem, PinnedModel, RunStatus
from services.evaluation.evals.sources import pairs_key
from services.evaluation.evals.store import Stores
from services.evaluation.store import Artifacts
from shared.blobs.protocol import Blobs
from shared.documents.entities import AFTER_REMEDY, Page, derived_id, new_id
from shared.runtime.errors import AnnealError, InvalidInput, NotFound
from shared.runtime.jobs.uses import Uses
from shared.runtime.jobs.work import FINAL
from shared.runtime.jobs.worker import Worker

V = TypeVar("V")


@dataclass(frozen=True)
class EvalService:
    """What the API calls."""

    stores: Stores
    blobs: Blobs
    worker: Worker[EvalRun]
    uses: Uses[EvalRun]

    def _scoped(self, project: str) -> Stores:
        return self.stores.for_project(project)

    async def create(self, project: str, fields: dict[str, Any], key: str | None = None) -> Eval:
        """Store an eval, which without a name is called by its id; of a repeated Idempotency-Key, return the one."""
        id, digest = _identity("eval", key, project, fields)
        if key is not None and (existing := await self.stores.evals.find_repeated(id, digest)):
            return existing
        named = {**fields, "name": fields["name"] or id}
        return await self.stores.evals.create(Eval(id=id, project=project, request_hash=digest, **named))

    async def get(self, project: str, id: str) -> Eval:
        """Return an eval. Raises NotFound."""
        return await named("eval_id", self._scoped(project).evals.get(id))

    async def update(self, project: str, id: str, changes: dict[str, Any]) -> Eval:
        """Change name or metadata."""

        def apply(found: Eval) -> None:
            for name, value in changes.items():
                setattr(found, name, value)

        return await named("eval_id", self._scoped(project).evals.change(id, apply))

    async def page(
        self, project: str, after: str | None, limit: int, *, oldest_first: bool, by_update: bool
    ) -> tuple[list[Eval], bool]:
        """A page of evals after one, by creation or by last change; and whether more follow."""
        evals = self._scoped(project).evals
        if not by_update:
            page = await evals.page_after(after, limit, oldest_first=oldest_first)
            return page.items, page.next_cursor is not None
        found = await evals.find(order=(("updated_at", 1 if oldest_first else -1),))
        ids = [one.id for one in found]
        if after is not None and after not in ids:
            raise InvalidInput(f"There is no eval {after!r} in this project.", field="after", remedy=AFTER_REMEDY)
        rest = found[ids.index(after) + 1 :] if after is not None else found
        return rest[:limit], len(rest) > limit

    async def delete(self, project: str, id: str) -> None:
        """Delete an eval with its runs. Raises UnfinishedRuns."""
        scoped = self._scoped(project)
        await self.get(project, id)
        runs = await scoped.runs.find({"eval_id": id})
        for run in runs:
            _require_final(run)
        for run in runs:
            await self._delete(run)
        await scoped.evals.delete(id)

    async def start(
        self,
        project: str,
        found: Eval,
        *,
        name: str | None,
        metadata: dict[str, str] | None,
        data_source: dict[str, Any],
        models: dict[str, str],
        key: str | None = None,
    ) -> EvalRun:
        """Queue a run, or return that of a repeated key; `models` as in `pin`. Raises UnknownModel, UnknownDataset."""
        id, digest = _identity("evalrun", key, project, [found.id, name, metadata, data_source])
        if key is not None and (existing := await self.stores.runs.find_repeated(id, digest)):
            return existing
        run = EvalRun(
            id=id,
            project=project,
            request_hash=digest,
            eval_id=found.id,
            name=name or id,
            metadata=metadata,
            data_source=data_source,
            criteria=found.testing_criteria,
            item_schema=found.item_schema,
            models=await self.pin(project, models),
        )
        source = data_source["source"]
        if source["type"] == "file_id":
            run.dataset_id, run.dataset_uri, rows = await self._dataset(project, source["id"])
        else:
            rows = len(source["content"])
        run.expect(rows)
        return await self.queue(run)

    async def queue(self, run: EvalRun) -> EvalRun:
        """Store a new run, and start it."""
        await self.uses.add(run)
        queued = await self.stores.runs.create(run)
        self.worker.wake()
        return queued

    async def pin(self, project: str, names: dict[str, str]) -> dict[str, PinnedModel]:
        """The models of these names; each name leads to the field of the request that has it. Raises UnknownModel."""
        pinned, artifacts = {}, Artifacts(self.blobs, project)
        for name, field in names.items():
            uri, manifest = await named(field, artifacts.any_model(name))
            pinned[name] = PinnedModel(id=manifest.model_id, uri=uri, template_hash=manifest.template_hash)
        return pinned

    async def _dataset(self, project: str, file_id: str) -> tuple[str, str, int]:
        """Id, URI and rows of a dataset that is small enough."""
        field = "data_source.source.id"
        uri, manifest = await named(field, Artifacts(self.blobs, project).dataset(file_id))
        if (rows := sum(manifest.rows.values())) > MAX_ITEMS:
            remedy = "Upload the rows to evaluate as a file of their own."
            raise InvalidInput(f"The file has {rows:,} rows.", field=field, limit=MAX_ITEMS, remedy=remedy)
        return manifest.dataset_id, uri, rows

    async def run(self, project: str, eval_id: str, id: str) -> EvalRun:
        """Return a run of an eval. Raises NotFound."""
        run = await named("run_id", self._scoped(project).runs.get(id))
        if run.eval_id != eval_id:
            remedy = f"GET /v1/evals/{run.eval_id}/runs/{id}"
            raise NotFound(f"The run {id!r} is one of another eval.", field="eval_id", limit=run.eval_id, remedy=remedy)
        return run

    async def runs(
        self, project: str, eval_id: str, after: str | None, limit: int, *, status: RunStatus | None, oldest_first: bool
    ) -> Page[EvalRun]:
        """A page of the runs of an eval."""
        await self.get(project, eval_id)
        where: dict[str, Any] = {"eval_id": eval_id}
        if status == "in_progress":
            where["state"] = {"$in": ["running", "pausing", "publishing", "paused"]}
        elif status:
            where["state"] = next(state for state, name in STATUSES.items() if name == status)
        return await self._scoped(project).runs.page_after(after, limit, where=where, oldest_first=oldest_first)

    async def cancel(self, project: str, eval_id: str, id: str) -> EvalRun:
        """Cancel a run: a queued one ends at once, a running one within seconds; what is graded stays."""
        await self.run(project, eval_id, id)
        cancelled = await self._scoped(project).runs.change(id, lambda run: run.request_cancel())
        await self.uses.remove_if_final(cancelled)
        self.worker.nudge(id)
        return cancelled

    async def delete_run(self, project: str, eval_id: str, id: str) -> None:
        """Delete a run with its output items. Raises UnfinishedRuns."""
        run = await self.run(project, eval_id, id)
        _require_final(run)
        await self._delete(run)

    async def _delete(self, run: EvalRun) -> None:
        for item in await self.stores.items.find({"run_id": run.id}):
            await self.stores.items.remove(item.id)
        if run.judged:
            await self.blobs.delete(pairs_key(run.project, run.id))
        await self.stores.runs.delete(run.id)

    async def items(
        self, project: str, eval_id: str, run_id: str, after: str | None, limit: int, *, status: Any, oldest_first: bool
    ) -> Page[OutputItem]:
        """A page of the rows of a run that are graded."""
        await self.run(project, eval_id, run_id)
        where = {"run_id": run_id, "status": status or {"$ne": "pending"}}
        return await self._scoped(project).items.page_after(after, limit, where=where, oldest_first=oldest_first)

    async def item(self, project: str, eval_id: str, run_id: str, id: str) -> OutputItem:
        """Return a row of a run. Raises NotFound, also for one that is not graded yet."""
        await self.run(project, eval_id, run_id)
        item = await named("output_item_id", self._scoped(project).items.get(id))
        if item.run_id != run_id or item.status == "pending":
            remedy = f"GET /v1/evals/{eval_id}/runs/{run_id}/output_items lists them."
            raise NotFound(f"The run has no graded output item {id!r}.", field="output_item_id", remedy=remedy)
        return item


async def named(field: str, found: Awaitable[V]) -> V:
    """The awaited value; an error about it names the field of the request."""
    try:
        return await found
    except AnnealError as error:
        error.field = field
        raise


def _identity(prefix: str, key: str | None, project: str, request: Any) -> tuple[str, str]:
    """The id of what a request creates, the same for a repeated Idempotency-Key; and the hash of the request."""
    digest = hashlib.sha256(json.dumps(request, sort_keys=True).encode()).hexdigest()
    return new_id(prefix) if key is None else derived_id(prefix, project, key), digest


def _require_final(run: EvalRun) -> None:
    if run.state not in FINAL:
        remedy = f"POST /v1/evals/{run.eval_id}/runs/{run.id}/cancel first."
        raise UnfinishedRuns(f"The run {run.id} is {run.status}.", field="run_id", limit=list(FINAL), remedy=remedy)
