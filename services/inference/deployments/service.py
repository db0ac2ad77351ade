"""Deployments: load and warm up, keep, undeploy."""

import asyncio
import hashlib
from collections.abc import Callable, Coroutine
from dataclasses import asdict
from typing import Any
from weakref import WeakValueDictionary

import structlog

from services.inference.deployments.catalog import Catalog, FoundModel
from services.inference.deployments.models import Deployment, DeploymentView, ServedModel
from services.inference.protocol import Engine
from services.inference.store import Stores
from services.inference.usage_statistics import Figures
from shared.documents.entities import Changed, Page, derived_id, new_id
from shared.events.training import ModelDeleted, TrainingSucceeded
from shared.runtime.errors import AnnealError, NotFound, Unavailable
from shared.runtime.telemetry.tracing import context_of, continuing, failed, traceparent, tracer

log = structlog.get_logger(__name__)

LOOK = 10.0
LEFT = 60.0
"""Seconds that a deployment may be loading, nowhere in this process, before this process loads it too."""


class Deployments:
    """The use cases around deployments."""

    def __init__(self, stores: Stores, catalog: Catalog, engine: Engine, figures: Figures) -> None:
        self._stores, self._catalog, self._engine, self._figures = stores, catalog, engine, figures
        self._loading: set[asyncio.Task[None]] = set()
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def deploy(self, project: str, name: str, key: str | None, *, pinned: bool | None = None) -> Deployment:
        """Begin to deploy a model; one that is deployed already is returned, a failed one is tried again."""
        model = await self._catalog.find(project, name)
        store = self._stores.deployments.for_project(project)
        for existing in await store.find({"model_id": model.id}, limit=1):
            again = await store.change(existing.id, lambda deployment: deployment.again(pinned))
            return self._begin(again)
        id = derived_id("dep", project, key) if key else new_id("dep")
        asked = hashlib.sha256(model.id.encode()).hexdigest() if key else None
        deployment = Deployment(
            id=id,
            project=project,
            request_hash=asked,
            model_id=model.id,
            model_uri=model.uri,
            pinned=bool(pinned),
            traceparent=continuing(model.manifest.traceparent, "request deployment"),
        )
        return self._begin(await store.create(deployment))

    async def page(self, project: str, limit: int, cursor: str | None) -> Page[Deployment]:
        """The project's deployments, newest first."""
        return await self._stores.deployments.for_project(project).page(limit=limit, cursor=cursor)

    async def get(self, project: str, id: str) -> Deployment:
        """One deployment; raises NotFound."""
        return await self._stores.deployments.for_project(project).get(id)

    def view(self, deployment: Deployment) -> DeploymentView:
        """A deployment as it is shown: what is stored, what the engine holds, how it is used."""
        models, figure = self._engine.facts().models, self._figures.of(deployment.model_uri)
        return DeploymentView(
            **deployment.model_dump(include=set(DeploymentView.model_fields)),
            resident=deployment.model_uri in models,
            memory_bytes=models.get(deployment.model_uri, 0),
            **asdict(figure),
        )

    async def undeploy(self, project: str, id: str) -> None:
        """End a deployment and free its memory."""
        store = self._stores.deployments.for_project(project)
        deployment = await store.get(id)
        await store.delete(id, deployment.gone())
        await self._engine.unload(deployment.model_uri)

    async def trained(self, event: TrainingSucceeded, project: str, event_id: str) -> None:
        """List a new custom model, and deploy it if its owner asked. Repeatable."""
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
                self._begin(await self._stores.deployments.create(deployment))
        except NotFound:
            log.info("deleted_meanwhile", model_id=event.model_id)

    async def deleted(self, event: ModelDeleted, project: str) -> None:
        """Forget a custom model and end its deployments. Repeatable, and right even before `trained`."""
        models = self._stores.models.for_project(project)
        try:
            await models.create(ServedModel(id=event.model_id, project=project, name=""))
            await models.delete(event.model_id)
        except NotFound:
            log.info("deleted_already", model_id=event.model_id)
        for deployment in await self._stores.deployments.for_project(project).find({"model_id": event.model_id}):
            await self.undeploy(project, deployment.id)

    async def resume(self) -> None:
        """Go on with what a restart interrupted; what was ready is loaded when it is first asked, or now if pinned."""
        for deployment in await self._stores.deployments.find({"state": "loading"}):
            self._begin(deployment)
        for deployment in await self._stores.deployments.find({"state": "ready", "pinned": True}):
            self._in_background(self._pin(deployment))

    async def look_after(self) -> None:
        """Until cancelled, take over what loads nowhere any more: its process died, or a server was away."""
        since: dict[str, float] = {}
        while True:
            await asyncio.sleep(LOOK)
            try:
                found = await self._stores.deployments.find({"state": "loading"})
            except Unavailable:
                continue
            clock = asyncio.get_running_loop().time()
            since = {deployment.id: since.get(deployment.id, clock) for deployment in found}
            for deployment in found:
                if clock - since[deployment.id] >= LEFT and deployment.id not in self._turns:
                    self._begin(deployment)

    async def close(self) -> None:
        """Leave what is loading to the next start."""
        for task in self._loading:
            task.cancel()
        await asyncio.gather(*self._loading, return_exceptions=True)

    def _begin(self, deployment: Deployment) -> Deployment:
        if deployment.state == "loading":
            self._in_background(self._load(deployment.id))
        return deployment

    def _in_background(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._loading.add(task)
        task.add_done_callback(self._loading.discard)

    async def _pin(self, deployment: Deployment) -> None:
        """Load what was ready before this process began."""
        try:
            await self._warm_up(await self._catalog.find(deployment.project, deployment.model_id), pinned=True)
        except AnnealError as error:
            log.warning("not_pinned", deployment_id=deployment.id, reason=error.detail)

    async def _load(self, id: str) -> None:
        """Bring a deployment to its end, one at a time: who comes while it loads finds it done."""
        turn = self._turns.setdefault(id, asyncio.Lock())
        async with turn:
            try:
                deployment = await self._stores.deployments.get(id)
                if deployment.state == "loading":
                    await self._bring_up(deployment)
            except NotFound:
                log.info("undeployed_meanwhile", deployment_id=id)
            except Unavailable as error:
                log.warning("loading_put_off", deployment_id=id, reason=error.detail)

    async def _bring_up(self, deployment: Deployment) -> None:
        """Load, and store what came of it, in the trace that the deployment keeps."""
        attributes = {"anneal.deployment_id": deployment.id, "anneal.model_id": deployment.model_id}
        parent = context_of(deployment.traceparent)
        with tracer.start_as_current_span("deploy", parent, attributes=attributes) as span:
            outcome = await self._outcome(deployment)
            ended = await self._stores.deployments.change(deployment.id, outcome)
            if ended.state == "failed":
                failed(span, ended.code or "", ended.detail or "")

    async def _outcome(self, deployment: Deployment) -> Callable[[Deployment], Changed]:
        """What loading leads to, whatever happens."""
        try:
            model = await self._catalog.find(deployment.project, deployment.model_id)
            seconds = await self._warm_up(model, pinned=deployment.pinned)
        except Unavailable:
            raise
        except AnnealError as error:
            code, detail = error.code, error.detail
            return lambda current: current.failed(code, detail)
        except Exception:
            log.exception("loading_failed", deployment_id=deployment.id)
            return lambda current: current.failed(
                AnnealError.code, "Something failed that should not have: see the log."
            )
        return lambda current: current.ready(seconds)

    async def _warm_up(self, model: FoundModel, *, pinned: bool) -> float:
        """Load and decode a first token; seconds it took."""
        clock = asyncio.get_running_loop().time
        started = clock()
        await self._engine.load(await self._catalog.spec(model), pinned=pinned)
        return clock() - started
