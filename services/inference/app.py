"""The inference room's composition root."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import APIRouter

from services.inference import handlers
from services.inference.choosing_engine import choose_engine
from services.inference.deployments import api
from services.inference.deployments.catalog import Catalog
from services.inference.deployments.service import Deployments
from services.inference.metrics import ServingMetrics
from services.inference.openai import api as openai_api
from services.inference.openai.completions import Completions
from services.inference.store import Stores
from services.inference.usage_statistics import Figures
from shared.runtime.resources import Resources
from shared.runtime.service import Service, background


async def build(resources: Resources) -> Service:
    """The room over these resources."""
    stores = await Stores.open(resources)
    settings = resources.settings
    catalog = Catalog(resources.blobs, stores)
    engine = choose_engine(resources, settings.vllm_command, settings.vllm_engines)
    figures = Figures()
    completions = Completions(catalog, engine, ServingMetrics(resources.metrics, engine), figures)
    deployments = Deployments(stores, catalog, engine, figures)

    @asynccontextmanager
    async def lifespan() -> AsyncIterator[None]:
        await deployments.resume()
        try:
            async with background(deployments.look_after()):
                yield
        finally:
            await deployments.close()
            await engine.close()

    router = APIRouter()
    router.include_router(openai_api.routes(completions, catalog))
    router.include_router(api.routes(deployments))
    return Service("inference", router, handlers.subscriptions(deployments), lifespan)
