"""How fast a core of this machine multiplies, timed once by an engine child and then remembered."""

import asyncio
from pathlib import Path
from tempfile import TemporaryDirectory

from services.training.errors import EngineFailed
from shared.runtime.resources import Resources

TARGET = "services.training.engine.tasks.matmul_rate:main"


class Rates:
    """Products and sums per second of a core, by computing type."""

    def __init__(self, resources: Resources) -> None:
        self._resources, self._turn = resources, asyncio.Lock()
        self._known: dict[str, float] = {}

    async def of(self, dtype: str) -> float:
        """In fp32 or bf16. Raises EngineUnavailable, or EngineFailed where the engine ended without an answer."""
        async with self._turn:
            if dtype not in self._known:
                self._known[dtype] = await self._time(dtype)
        return self._known[dtype]

    async def _time(self, dtype: str) -> float:
        scratch = self._resources.scratch / "training"
        await asyncio.to_thread(scratch.mkdir, parents=True, exist_ok=True)
        with TemporaryDirectory(dir=scratch, prefix="rate-") as workdir:
            child = await self._resources.engines.launch(
                TARGET, {"dtype": dtype}, cwd=Path(workdir), env={"CUDA_VISIBLE_DEVICES": ""}
            )
            end = await child.answer()
        if end is None or end["kind"] == "failed":
            raise EngineFailed("The machine's speed could not be timed.", field="dtype", remedy="Try again.")
        return float(end["rate"])
