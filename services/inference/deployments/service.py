"""Use cases of deployments: load and warm up models, keep them loaded, undeploy them."""

import asyncio
import hashlib
from collections.abc import Callable, Coroutine
from contextlib import suppress
from dataclasses import asdict
from typing import Any
from weakref import WeakValueDictionary

import structlog

from services.inference.deployments.catalog import Catalog, FoundModel
from services.inference.deployments.models import Deployment, DeploymentView, ServedModel
from services.inference.deployments.store import Stores
from services.inference.protocol import Engine
from services.inference.usage_statistics import UsageStatistics
from shared.documents.entities import Changed, Page, derived_id, new_id
from shared.events.training import ModelDeleted, ModelRenamed, TrainingSucceeded
from shared.runtime.errors import AnnealError, NotFound, Unavailable
from shared.runtime.telemetry.tracing import context_of, continuing, failed, traceparent, tracer

log = structlog.get_logger(__name__)

TAKEOVER_CHECK_INTERVAL_S = 10.0
TAKEOVER_AFTER_S = 60.0
"""Seconds that a deployment may be loading, but not in this process, before this process takes it over."""


class Deployments:
    """The use cases around deployments."""

    def __init__(self, stores: Stores, catalog: Catalog, engine: Engine, statistics: UsageStatistics) -> None:
        self._stores, self._catalog, self._engine, self._statistics = stores, catalog, engine, statistics
        self._tasks: set[asyncio.Task[None]] = set()
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def deploy(
        self, project: str, name: str, key: str | None, *, pinned: bool | None = None, alias_id: str | None = None
    ) -> Deployment:
        """Start deploying a model. An existing deployment is returned; a failed one is loaded again."""
        model = await self._catalog.find(project, name)
        id = derived_id("dep", project, key) if key else new_id("dep")
        request_hash = hashlib.sha256(model.id.encode()).hexdigest() if key else None
        deployment = Deployment(
            id=id,
            project=project,
            request_hash=request_hash,
            model_id=model.id,
            model_uri=model.uri,
            pinned=bool(pinned),
            alias_id=alias_id,
            traceparent=continuing(model.manifest.traceparent, "request deployment"),
        )
        stored, existed = await self._get_or_create(deployment)
        while existed:
            try:
                stored = await self._stores.deployments.change(stored.id, lambda found: found.reload(pinned, alias_id))
                break
            except NotFound:  # it was undeployed meanwhile
                stored, existed = await self._get_or_create(deployment)
        return self._start_loading(stored)

    async def warm(self, project: str, model_id: str, alias_id: str) -> None:
        """Deploy a model for an alias, and load it in this process. Raises the errors of loading."""
        deployment = await self.deploy(project, model_id, None, alias_id=alias_id)
        await self._warm_up(await self._catalog.find(project, model_id), pinned=deployment.pinned)

    async def of_alias(self, project: str, alias_id: str) -> list[Deployment]:
        """What an alias has deployed."""
        return await self._stores.deployments.for_project(project).find({"alias_id": alias_id})

    async def hand_over(self, deployment: Deployment, alias_id: str | None) -> None:
        """Leave a deployment to another alias, or remove it if no other needs it. Idempotent."""

        def give(found: Deployment) -> None:
            found.alias_id = alias_id

        with suppress(NotFound):
            if alias_id:
                await self._stores.deployments.change(deployment.id, give)
            else:
                await self.undeploy(deployment.project, deployment.id)

    async def _get_or_create(self, deployment: Deployment) -> tuple[Deployment, bool]:
        """Return the deployment of this model and True; store `deployment` if there is none. Raises NotFound.

        A unique index holds a model's deployments to one: of requests at the same time the first creates it.
        """
        store, query = self._stores.deployments.for_project(deployment.project), {"model_id": deployment.model_id}
        for existing in await store.find(query, limit=1):
            return existing, True
        try:
            return await store.create(deployment), False
        except NotFound:
            for existing in await store.find(query, limit=1):
                return existing, True
            raise

    async def page(self, project: str, limit: int, cursor: str | None) -> Page[Deployment]:
        """Return a page of the project's deployments, newest first."""
        return await self._stores.deployments.for_project(project).page(limit=limit, cursor=cursor)

    async def get(self, project: str, id: str) -> Deployment:
        """Return one deployment. Raises NotFound."""
        return await self._stores.deployments.for_project(project).get(id)

    def view(self, deployment: Deployment) -> DeploymentView:
        """Build the API view from the stored state, the engine's state and the usage statistics."""
        models, usage = self._engine.status().models, self._statistics.of((deployment.project, deployment.model_uri))
        return DeploymentView(
            **deployment.model_dump(include=set(DeploymentView.model_fields)),
            resident=deployment.model_uri in models,
            memory_bytes=models.get(deployment.model_uri, 0),
            **asdict(usage),
        )

    async def undeploy(self, project: str, id: str) -> None:
        """Remove a deployment and unload its model."""
        store = self._stores.deployments.for_project(project)
        deployment = await store.get(id)
        await store.delete(id, deployment.undeploy())
        if not await self._stores.deployments.find({"model_uri": deployment.model_uri}, limit=1):
            await self._engine.unload(deployment.model_uri)

    async def register_model(self, event: TrainingSucceeded, project: str, event_id: str) -> None:
        """List a new custom model, and deploy it if the job requested that. Idempotent."""
        try:
            await self._stores.models.create(ServedModel(id=event.model_id, project=project, name=event.name))
            if "deploy" in event.after:
                id = derived_id("dep", event_id)
                deployment = Deployment(
                    id=id,
                    project=project,
                    model_id=event.model_id,
                    model_uri=event.model_uri,
                    traceparent=traceparent(),
                )
                self._start_loading((await self._get_or_create(deployment))[0])
        except NotFound:
            log.info("model_already_deleted", model_id=event.model_id)

    async def list_model(self, model_id: str, name: str, project: str) -> None:
        """List a new custom model. Idempotent."""
        try:
            await self._stores.models.create(ServedModel(id=model_id, project=project, name=name))
        except NotFound:
            log.info("model_already_deleted", model_id=model_id)

    async def rename_model(self, event: ModelRenamed, project: str, version: int) -> None:
        """List a custom model under its new name. Idempotent, in any order, and correct before `register_model`."""
        models = self._stores.models.for_project(project)
        try:
            await models.create(ServedModel(id=event.model_id, project=project, name=event.name))
            await models.change(event.model_id, lambda model: model.rename(event.name, version))
        except NotFound:
            log.info("model_already_deleted", model_id=event.model_id)

    async def remove_model(self, event: ModelDeleted, project: str) -> None:
        """Remove a custom model and its deployments. Idempotent, and correct even before `register_model`."""
        self._catalog.forget(project, event.model_id)
        models = self._stores.models.for_project(project)
        try:
            await models.create(ServedModel(id=event.model_id, project=project, name=""))
            await models.delete(event.model_id)
        except NotFound:
            log.info("model_already_deleted", model_id=event.model_id)
        for deployment in await self._stores.deployments.for_project(project).find({"model_id": event.model_id}):
            await self.undeploy(project, deployment.id)

    async def resume(self) -> None:
        """Resume interrupted loads and load pinned models. Other ready models load at their first request."""
        for deployment in await self._stores.deployments.find({"state": "loading"}):
            self._start_loading(deployment)
        for deployment in await self._stores.deployments.find({"state": "ready", "pinned": True}):
            self._in_background(self._load_pinned(deployment))

    async def take_over_stalled(self) -> None:
        """Until cancelled, take over loads that stalled because their process died or a dependency was unavailable."""
        since: dict[str, float] = {}
        while True:
            await asyncio.sleep(TAKEOVER_CHECK_INTERVAL_S)
            try:
                found = await self._stores.deployments.find({"state": "loading"})
            except Unavailable:
                continue
            current = asyncio.get_running_loop().time()
            since = {deployment.id: since.get(deployment.id, current) for deployment in found}
            for deployment in found:
                if current - since[deployment.id] >= TAKEOVER_AFTER_S and deployment.id not in self._locks:
                    self._start_loading(deployment)

    async def close(self) -> None:
        """Cancel all loads; the next start resumes them."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _start_loading(self, deployment: Deployment) -> Deployment:
        if deployment.state == "loading":
            self._in_background(self._load(deployment.id))
        return deployment

    def _in_background(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _load_pinned(self, deployment: Deployment) -> None:
        """Load a pinned model that was ready before this process started."""
        try:
            await self._warm_up(await self._catalog.find(deployment.project, deployment.model_id), pinned=True)
        except AnnealError as error:
            log.warning("pinned_model_not_loaded", deployment_id=deployment.id, reason=error.detail)

    async def _load(self, id: str) -> None:
        """Load a deployment under its lock: a concurrent caller finds it loaded."""
        lock = self._locks.setdefault(id, asyncio.Lock())
        async with lock:
            try:
                deployment = await self._stores.deployments.get(id)
                if deployment.state == "loading":
                    await self._load_and_record(deployment)
            except NotFound:
                log.info("undeployed_during_load", deployment_id=id)
            except Unavailable as error:
                log.warning("loading_postponed", deployment_id=id, reason=error.detail)

    async def _load_and_record(self, deployment: Deployment) -> None:
        """Load the model and store the outcome, in the trace that the deployment keeps."""
        attributes = {"anneal.deployment_id": deployment.id, "anneal.model_id": deployment.model_id}
        parent = context_of(deployment.traceparent)
        with tracer.start_as_current_span("deploy", parent, attributes=attributes) as span:
            outcome = await self._try_load(deployment)
            updated = await self._stores.deployments.change(deployment.id, outcome)
            if updated.state == "failed":
                failed(span, updated.code or "", updated.detail or "")

    async def _try_load(self, deployment: Deployment) -> Callable[[Deployment], Changed]:
        """Load the model and return the state change that records success or failure."""
        try:
            model = await self._catalog.find(deployment.project, deployment.model_id)
            seconds = await self._warm_up(model, pinned=deployment.pinned)
        except Unavailable:
            raise
        except AnnealError as error:
            code, detail = error.code, error.detail
            return lambda current: current.mark_failed(code, detail)
        except Exception:
            log.exception("loading_failed", deployment_id=deployment.id)
            return lambda current: current.mark_failed(AnnealError.code, "An unexpected error occurred; see the log.")
        return lambda current: current.mark_ready(seconds)

    async def _warm_up(self, model: FoundModel, *, pinned: bool) -> float:
        """Load the model, decode one token, and return the seconds that it took."""
        clock = asyncio.get_running_loop().time
        started = clock()
        await self._engine.load(await self._catalog.spec(model), pinned=pinned)
        return clock() - started
