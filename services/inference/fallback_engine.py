"""Serves each model with vLLM, or with the transformers engine if vLLM cannot serve it: decided at the first use."""

from collections.abc import AsyncIterator
from contextlib import aclosing

import structlog

from services.inference.prompt_renderer import PromptRenderer
from services.inference.protocol import EngineStatus, GenerationRequest, ModelSpec, Started, TextDelta
from services.inference.supervisor import Supervisor
from services.inference.transformers_engine import TransformersEngine
from services.inference.vllm.engine import VllmEngine
from services.inference.vllm.merging import AdapterMerger
from services.inference.vllm.placement import device_memory_probe
from services.inference.vllm.server import VllmCannotServe, VllmServer
from shared.runtime.resources import Resources

log = structlog.get_logger(__name__)


class FallbackEngine:
    """An `Engine` over two others: a model that `primary` cannot serve goes to `fallback` until it is unloaded."""

    def __init__(self, primary: VllmEngine, fallback: TransformersEngine) -> None:
        self._primary, self._fallback = primary, fallback
        self._fallback_uris: set[str] = set()

    async def generate(self, generation: GenerationRequest) -> AsyncIterator[Started | TextDelta]:
        """Yield `Started`, then text deltas. Prompts are echoed by the fallback, which loads the model for it."""
        if generation.model.uri not in self._fallback_uris and not generation.echo:
            try:
                async with aclosing(self._primary.generate(generation)) as messages:  # type: ignore[type-var]
                    async for message in messages:
                        yield message
                return
            except VllmCannotServe as error:  # raised before the first message
                self._fall_back(generation.model, error)
        async with aclosing(self._fallback.generate(generation)) as messages:  # type: ignore[type-var]
            async for message in messages:
                yield message

    async def load(self, model: ModelSpec, *, pinned: bool = False) -> None:
        """Load the model in the engine that will serve it."""
        if model.uri not in self._fallback_uris:
            try:
                await self._primary.load(model, pinned=pinned)
                return
            except VllmCannotServe as error:
                self._fall_back(model, error)
        await self._fallback.load(model, pinned=pinned)

    async def unload(self, uri: str) -> None:
        """Unload the model from both engines; vLLM is tried again the next time it is used."""
        self._fallback_uris.discard(uri)
        await self._primary.unload(uri)
        await self._fallback.unload(uri)

    def status(self) -> EngineStatus:
        """Return the combined status of both engines."""
        primary, fallback = self._primary.status(), self._fallback.status()
        state = primary.state if primary.state != "idle" else fallback.state
        return EngineStatus(state, primary.memory + fallback.memory, {**fallback.models, **primary.models})

    async def close(self) -> None:
        """Stop both engines."""
        await self._primary.close()
        await self._fallback.close()

    def _fall_back(self, model: ModelSpec, error: VllmCannotServe) -> None:
        log.warning("served_by_transformers", model_id=model.id, reason=error.detail)
        self._fallback_uris.add(model.uri)


def create_engine(
    resources: Resources, vllm_command: str, max_vllm_servers: int
) -> FallbackEngine | TransformersEngine:
    """Create the transformers engine, behind vLLM if `vllm_command` is set."""
    renderer = PromptRenderer(resources)
    transformers = TransformersEngine(Supervisor(resources), renderer)
    if not vllm_command:
        return transformers

    def start_server(path: str, device: str) -> VllmServer:
        return VllmServer(resources, vllm_command, path, device)

    vllm = VllmEngine(
        start_server, renderer.render, AdapterMerger(resources), device_memory_probe(vllm_command), max_vllm_servers
    )
    return FallbackEngine(vllm, transformers)
