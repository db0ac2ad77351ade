"""Aliases over real documents, blobs and deployments, with an engine that loads at once."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from services.inference.aliases.models import Alias, Candidate
from services.inference.aliases.service import Aliases
from services.inference.aliases.store import AliasStores
from services.inference.deployments.catalog import Catalog
from services.inference.deployments.service import Deployments
from services.inference.deployments.store import Stores
from services.inference.errors import ModelRefused
from services.inference.handlers import subscriptions
from services.inference.protocol import EngineStatus
from services.inference.usage_statistics import UsageStatistics
from shared.blobs.artifacts import publish
from shared.blobs.manifests import ModelManifest
from shared.events.aliases import AliasCandidateEvaluated, GraderOutcome, Outcome
from shared.events.envelope import Envelope, Event
from shared.runtime.resources import Resources, open_resources
from shared.runtime.settings import Settings
from shared.suites import Suite

SUITE = Suite.model_validate(
    {
        "eval_id": "eval_1",
        "data_source": {"type": "completions", "source": {"type": "file_id", "id": "ds_1"}, "input_messages": {}},
        "thresholds": {"same": {"min_pass_share": 0.5}},
        "max_regression": 0.1,
    }
)
GOOD = {"grader": "same", "rows": 40, "errored": 0, "mean": 0.7, "pass_share": 0.7, "current_mean": 0.7,
        "current_pass_share": 0.7, "paired_rows": 40, "difference": 0.0, "low": -0.1, "high": 0.1}  # fmt: skip


class Engine:
    """Loads at once, or refuses what a test names."""

    def __init__(self) -> None:
        self.refused, self.loaded, self.unloaded = set[str](), list[str](), list[str]()

    async def load(self, spec: Any, *, pinned: bool) -> None:
        if spec.id in self.refused:
            raise ModelRefused("It does not load.", field="model")
        self.loaded.append(spec.id)

    async def unload(self, uri: str) -> None:
        self.unloaded.append(uri.rpartition("/")[2])

    def status(self) -> EngineStatus:
        return EngineStatus("ready")


def results_of(candidate: Candidate, **changes: Any) -> AliasCandidateEvaluated:
    """The results of a candidate; it passes without `changes`."""
    outcome = Outcome(graders=[GraderOutcome.model_validate({**GOOD, **changes})])
    return AliasCandidateEvaluated(candidate_id=candidate.id, round=candidate.round, state="succeeded", outcome=outcome)


@dataclass
class World:
    """The use cases over real documents and blobs, with the handlers that events reach."""

    resources: Resources
    stores: AliasStores
    deployments: Deployments
    engine: Engine
    aliases: Aliases
    catalog: Catalog
    handlers: Any

    async def create(self, **fields: Any) -> Alias:
        return await self.aliases.create("default", "support-bot", "model_1", "alice", **{"suite": SUITE, **fields})

    async def submit(self, model: str = "model_2") -> Candidate:
        return await self.aliases.submit("default", "support-bot", model, "alice")

    async def evaluated(self, candidate: Candidate, times: int = 1, **changes: Any) -> Candidate:
        """Deliver the results `times` times."""
        for _ in range(times):
            await self.deliver(results_of(candidate, **changes))
        return await self.stores.candidates.get(candidate.id)

    async def deliver(self, event: Event, sequence: int = 0) -> None:
        envelope = Envelope.of(event, service="x", subject="x", project="default", sequence=sequence)
        await self.handlers[type(event)](event, envelope)

    async def stored_event(self, alias_id: str, kind: type[Event]) -> Event:
        """The event of this type in the alias's outbox."""
        stored = await (await self.resources.documents.collection("inference.aliases")).get(alias_id) or {}
        (found,) = [each["data"] for each in stored["outbox"].values() if each["type"] == kind.type]
        return kind.model_validate(found)

    async def answers(self, name: str = "support-bot") -> str:
        return (await self.catalog.find("default", name)).id

    async def deployed(self) -> set[str]:
        return {each.model_id for each in (await self.deployments.page("default", 50, None)).items}


@asynccontextmanager
async def open_world(home: Path) -> AsyncIterator[World]:
    """Open the data directory, with four published models."""
    async with open_resources(Settings(home=home)) as resources:
        for number in range(1, 5):
            manifest = ModelManifest(model_id=f"model_{number}", name="m", kind="full", template_hash="t").model_dump()
            await publish(resources.blobs, f"default/models/custom/model_{number}", None, manifest)
        stores, engine, served = await AliasStores.open(resources), Engine(), await Stores.open(resources)
        catalog = Catalog(resources.blobs, served, stores)
        deployments = Deployments(served, catalog, engine, UsageStatistics())  # type: ignore[arg-type]
        aliases = Aliases(stores, resources.blobs, catalog, deployments)
        handlers = subscriptions(deployments, aliases)
        yield World(resources, stores, deployments, engine, aliases, catalog, handlers)
        await deployments.close()
