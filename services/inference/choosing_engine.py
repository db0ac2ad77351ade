"""vLLM where it can, transformers where vLLM cannot: which one serves a model is found out when it is first asked."""

from collections.abc import AsyncIterator
from contextlib import aclosing

import structlog

from services.inference.protocol import Begun, Facts, Generation, ModelSpec, Text
from services.inference.supervisor import Supervisor
from services.inference.transformers_engine import TransformersEngine
from services.inference.vllm.engine import VllmEngine
from services.inference.vllm.merging import Merger
from services.inference.vllm.placement import places
from services.inference.vllm.server import Unservable, VllmServer
from shared.runtime.resources import Resources

log = structlog.get_logger(__name__)


class ChoosingEngine:
    """The `Engine` before two: what the first cannot serve goes to the second, from then on."""

    def __init__(self, first: VllmEngine, second: TransformersEngine) -> None:
        self._first, self._second = first, second
        self._unservable: set[str] = set()

    async def generate(self, generation: Generation) -> AsyncIterator[Begun | Text]:
        """`Begun`, then texts."""
        if generation.model.uri not in self._unservable:
            try:
                async with aclosing(self._first.generate(generation)) as messages:  # type: ignore[type-var]
                    async for message in messages:
                        yield message
                return
            except Unservable as error:  # found before anything was answered
                self._fall_back(generation.model, error)
        async with aclosing(self._second.generate(generation)) as messages:  # type: ignore[type-var]
            async for message in messages:
                yield message

    async def load(self, model: ModelSpec, *, pinned: bool = False) -> None:
        """Load where it will be served."""
        if model.uri not in self._unservable:
            try:
                await self._first.load(model, pinned=pinned)
                return
            except Unservable as error:
                self._fall_back(model, error)
        await self._second.load(model, pinned=pinned)

    async def unload(self, uri: str) -> None:
        """Let a model go from both; it is tried on the first again when it comes back."""
        self._unservable.discard(uri)
        await self._first.unload(uri)
        await self._second.unload(uri)

    def facts(self) -> Facts:
        """Both together."""
        first, second = self._first.facts(), self._second.facts()
        state = first.state if first.state != "idle" else second.state
        return Facts(state, first.memory + second.memory, {**second.models, **first.models})

    async def close(self) -> None:
        """End both."""
        await self._first.close()
        await self._second.close()

    def _fall_back(self, model: ModelSpec, error: Unservable) -> None:
        log.warning("served_by_transformers", model_id=model.id, reason=error.detail)
        self._unservable.add(model.uri)


def choose_engine(resources: Resources, command: str, most: int) -> ChoosingEngine | TransformersEngine:
    """The room's engine: transformers alone, or behind vLLM where there is a `command` for it."""
    transformers = TransformersEngine(Supervisor(resources))
    if not command:
        return transformers

    def start(path: str, place: str) -> VllmServer:
        return VllmServer(resources, command, path, place)

    vllm = VllmEngine(start, transformers.render, Merger(resources), places(command), most)
    return ChoosingEngine(vllm, transformers)
