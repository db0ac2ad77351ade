"""Renders prompts to token ids in a process of the caller's project, without loading weights.

A chat template and a tokenizer are programs of whoever made the model, and some of their steps no limit interrupts. One
that hangs delays the requests of its own caller's project only, until its process is replaced.
"""

import asyncio
from collections import OrderedDict
from dataclasses import asdict

from services.inference.protocol import GenerationRequest, RenderedPrompts
from services.inference.supervisor import Supervisor
from shared.runtime.resources import Resources

MAX_PROCESSES = 16
"""An idle process of the project that was served longest ago ends for another project's."""


class PromptRenderer:
    """One supervised process per project, started at its first request."""

    def __init__(self, resources: Resources) -> None:
        self._resources = resources
        self._processes: OrderedDict[str, Supervisor] = OrderedDict()
        self._closing: set[asyncio.Task[None]] = set()

    async def render(self, generation: GenerationRequest) -> RenderedPrompts:
        """Render with the model's own template. Raises ModelQuarantined, EngineLost, and the errors of the process."""
        if generation.project not in self._processes:
            self._processes[generation.project] = Supervisor(self._resources, "rendering")
        self._processes.move_to_end(generation.project)
        process = self._processes[generation.project]
        command = {"op": "render", "model": {**asdict(generation.model), "pinned": False}, **generation.prompt}
        try:
            message = await process.request(command)
        finally:
            self._close_idle()
        return RenderedPrompts(message["prompts"], message["stop_ids"])

    def release(self, uri: str) -> None:
        """End the quarantine of a model."""
        for process in self._processes.values():
            process.quarantine.release(uri)

    async def close(self) -> None:
        """Stop all processes."""
        while self._processes:
            await self._processes.popitem()[1].close()
        await asyncio.gather(*self._closing)

    def _close_idle(self) -> None:
        """Close them in the background: a process that hangs takes its time."""
        for project, process in list(self._processes.items())[:-MAX_PROCESSES]:
            if process.is_idle:
                del self._processes[project]
                self._closing.add(task := asyncio.create_task(process.close()))
                task.add_done_callback(self._closing.discard)
