"""The composition root of the inference service."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import APIRouter

from services.inference import handlers
from services.inference.aliases import api as aliases_api
from services.inference.aliases.service import Aliases
from services.inference.aliases.store import AliasStores
from services.inference.deployments import api
from services.inference.deployments.catalog import Catalog
from services.inference.deployments.service import Deployments
from services.inference.deployments.store import Stores
from services.inference.fallback_engine import create_engine
from services.inference.feedback import api as feedback_api
from services.inference.feedback.service import FeedbackService
from services.inference.feedback.store import FeedbackStores
from services.inference.metrics import InferenceMetrics
from services.inference.openai import api as openai_api
from services.inference.openai.completions import Completions
from services.inference.usage_statistics import UsageStatistics
from shared.runtime.resources import Resources
from shared.runtime.service import Service, background


async def build(resources: Resources) -> Service:
    """Build the service on these resources."""
    stores, alias_stores = await Stores.open(resources), await AliasStores.open(resources)
    settings = resources.settings
    catalog = Catalog(resources.blobs, stores, alias_stores)
    engine = create_engine(resources, settings.vllm_command, settings.vllm_engines)
    statistics = UsageStatistics()
    completions = Completions(catalog, engine, InferenceMetrics(resources.metrics, engine), statistics)
    deployments = Deployments(stores, catalog, engine, statistics)
    feedback = FeedbackService(await FeedbackStores.open(resources), settings.response_days)
    aliases = Aliases(alias_stores, resources.blobs, catalog, deployments)

    @asynccontextmanager
    async def lifespan() -> AsyncIterator[None]:
        await deployments.resume()
        try:
            watching = background(deployments.take_over_stalled()), background(aliases.resume())
            async with watching[0], watching[1], background(feedback.run()):
                yield
        finally:
            await deployments.close()
            await engine.close()

    router = APIRouter()
    router.include_router(openai_api.routes(completions, catalog, feedback))
    router.include_router(feedback_api.routes(feedback))
    router.include_router(api.routes(deployments))
    router.include_router(aliases_api.routes(aliases))
    return Service("inference", router, handlers.subscriptions(deployments, aliases), lifespan)
