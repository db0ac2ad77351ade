"""The matmul throughput of a core of this machine, measured once per dtype by an engine child."""

import asyncio
from pathlib import Path
from tempfile import TemporaryDirectory

from services.training.errors import EngineFailed
from shared.runtime.processes.limits import Limits
from shared.runtime.resources import Resources

TARGET = "services.training.engine.tasks.matmul_rate:main"
LIMITS = Limits(cpu_s=600, file_bytes=1 << 30)


class MatmulThroughput:
    """Floating-point operations per second of one core, by dtype."""

    def __init__(self, resources: Resources) -> None:
        self._resources, self._measuring = resources, asyncio.Lock()
        self._measured: dict[str, float] = {}

    async def per_core(self, dtype: str) -> float:
        """FLOP/s in fp32 or bf16. Raises EngineUnavailable, or EngineFailed where the engine ends without a result."""
        async with self._measuring:
            if dtype not in self._measured:
                self._measured[dtype] = await self._measure(dtype)
        return self._measured[dtype]

    async def _measure(self, dtype: str) -> float:
        scratch = self._resources.scratch / "training"
        await asyncio.to_thread(scratch.mkdir, parents=True, exist_ok=True)
        with TemporaryDirectory(dir=scratch, prefix="rate-") as workdir:
            child = await self._resources.engines.launch(
                TARGET, {"dtype": dtype}, cwd=Path(workdir), env={"CUDA_VISIBLE_DEVICES": ""}, limits=LIMITS
            )
            end = await child.answer()
        if end is None or end["kind"] == "failed":
            raise EngineFailed("The machine's speed could not be measured.", field="dtype", remedy="Try again.")
        return float(end["rate"])
