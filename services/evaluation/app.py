"""Builds the evaluation service from resources."""

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import APIRouter

from services.evaluation.api import routes
from services.evaluation.comparison import api as comparison_api
from services.evaluation.comparison.service import Comparisons
from services.evaluation.evals.endpoint import Endpoints
from services.evaluation.evals.graders import GraderRuns
from services.evaluation.evals.inference import Inference
from services.evaluation.evals.models import EvalRun
from services.evaluation.evals.runner import ENGINE as EVALS_ENGINE
from services.evaluation.evals.runner import FOLDER as EVALS_FOLDER
from services.evaluation.evals.runner import Runner as EvalRunner
from services.evaluation.evals.runner import RunSlots
from services.evaluation.evals.service import EvalService
from services.evaluation.evals.store import Stores, open_run_uses
from services.evaluation.gates.service import Gates
from services.evaluation.gates.store import open_gates
from services.evaluation.handlers import subscriptions
from services.evaluation.imports import api as imports_api
from services.evaluation.imports.service import FOLDER as IMPORTS_FOLDER
from services.evaluation.imports.service import Imports
from services.evaluation.judgements import api as judgements_api
from services.evaluation.judgements.pairs import PairReader
from services.evaluation.judgements.service import Judgements
from services.evaluation.models import Evaluation
from services.evaluation.openai import api as evals_api
from services.evaluation.openai import graders_api
from services.evaluation.runner import FOLDER, Runner
from services.evaluation.service import EvaluationService
from services.evaluation.store import open_evaluations, open_uses
from shared.runtime.jobs.worker import Slots, Worker
from shared.runtime.resources import Resources
from shared.runtime.service import Service, background

MAX_CONCURRENT_EVALUATIONS = 1
"""Per process: each uses all cores, or the GPU."""


async def build(resources: Resources) -> Service:
    """Build the service; it runs once its lifespan is entered."""
    store = await open_evaluations(resources)
    uses = open_uses(resources.blobs, store)
    worker: Worker[Evaluation] = Worker(
        store,
        Runner(resources, uses).run,
        Slots(MAX_CONCURRENT_EVALUATIONS),
        exclusive=resources.embedded,
        kind="evaluation",
        metrics=resources.metrics,
        on_release=uses.remove_if_final,
    )
    service = EvaluationService(store, resources.blobs, worker, uses)
    inference, endpoints = Inference(resources), Endpoints(resources)
    evals = await _build_evals(resources, inference, endpoints)
    graders = GraderRuns(resources, evals, inference)
    gates = Gates(await open_gates(resources), evals, graders)
    router = APIRouter()
    comparisons = Comparisons(store, resources.blobs)
    judgements = Judgements(evals, PairReader(comparisons, evals), resources.keyring)
    router.include_router(comparison_api.routes(comparisons))
    router.include_router(judgements_api.routes(judgements))
    router.include_router(imports_api.routes(Imports(store, resources.blobs, resources.scratch)))
    router.include_router(routes(service))
    router.include_router(evals_api.routes(evals, graders))
    router.include_router(graders_api.routes(graders))

    @asynccontextmanager
    async def lifespan() -> AsyncIterator[None]:
        if resources.embedded:  # no other process uses this directory: its files are left from a killed one
            for folder in (FOLDER, EVALS_FOLDER, IMPORTS_FOLDER):
                shutil.rmtree(resources.scratch / folder, ignore_errors=True)
        async with (
            background(worker.serve()),
            background(uses.clean()),
            background(evals.worker.serve()),
            background(evals.uses.clean()),
        ):
            yield
        await inference.close()
        await endpoints.close()

    return Service("evaluation", router, subscriptions(service, gates), lifespan)


async def _build_evals(resources: Resources, inference: Inference, endpoints: Endpoints) -> EvalService:
    resources.engines.preload_alone(EVALS_ENGINE)
    stores = await Stores.open(resources)
    uses = open_run_uses(resources.blobs, stores)
    worker: Worker[EvalRun] = Worker(
        stores.runs,
        EvalRunner(resources, stores, uses, inference, endpoints).run,
        RunSlots(inference),
        exclusive=resources.embedded,
        kind="eval_run",
        metrics=resources.metrics,
        on_release=uses.remove_if_final,
    )
    return EvalService(stores, resources.blobs, worker, uses)
