"""Merges adapters that vLLM cannot apply into full weights, once, when they are first served."""

import asyncio
import hashlib
import shutil
from dataclasses import replace
from pathlib import Path
from weakref import WeakValueDictionary

import structlog

from services.inference.protocol import ModelSpec
from services.inference.vllm.server import VllmCannotServe
from shared.blobs.artifacts import weights_size
from shared.runtime.processes.watchdog import EngineStalled
from shared.runtime.resources import Resources

log = structlog.get_logger(__name__)

ENGINE_TARGET = "services.inference.engine.merge:main"


class AdapterMerger:
    """Keeps merged models in the scratch folder, which is emptied on restart."""

    def __init__(self, resources: Resources) -> None:
        self._resources, self._folder = resources, resources.scratch / "inference" / "merged"
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def merge(self, model: ModelSpec, reason: str) -> ModelSpec:
        """Return the model as full weights. Raises VllmCannotServe if merging fails."""
        folder = self._merged_folder(model.uri)
        lock = self._locks.setdefault(model.uri, asyncio.Lock())
        async with lock:
            if not await asyncio.to_thread(folder.exists):
                log.info("merging_for_vllm", model_id=model.id, reason=reason)
                await self._run_merge(model, folder)
        return replace(model, ref={"path": str(folder), "kind": "full", "base": None})

    async def delete(self, uri: str) -> None:
        """Delete the merged weights of a model."""
        await asyncio.to_thread(shutil.rmtree, self._merged_folder(uri), ignore_errors=True)

    def _merged_folder(self, uri: str) -> Path:
        return self._folder / hashlib.sha256(uri.encode()).hexdigest()[:32]

    async def _run_merge(self, model: ModelSpec, folder: Path) -> None:
        part = folder.with_suffix(".part")
        await asyncio.to_thread(shutil.rmtree, part, ignore_errors=True)
        await asyncio.to_thread(part.mkdir, parents=True)
        spec = {"ref": model.ref, "folder": str(part), "parameters": model.parameters}
        child = await self._resources.engines.launch(ENGINE_TARGET, spec, cwd=part, env={"CUDA_VISIBLE_DEVICES": ""})
        try:
            result = await child.answer(weights_size(model.ref)) or {}
        except EngineStalled as error:
            result = {"detail": error.detail}
        if result.get("kind") != "result":
            detail = result.get("detail", "the process ended without a result")
            raise VllmCannotServe(f"the adapter could not be merged: {detail}", field="model")
        part.rename(folder)
