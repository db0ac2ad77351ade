"""Adapters that vLLM cannot apply, as full weights of their own: merged once, when they are first served."""

import asyncio
import hashlib
import shutil
from dataclasses import replace
from pathlib import Path
from weakref import WeakValueDictionary

import structlog

from services.inference.protocol import ModelSpec
from services.inference.vllm.server import Unservable
from shared.runtime.resources import Resources

log = structlog.get_logger(__name__)

TARGET = "services.inference.engine.merge:main"


class Merger:
    """Keeps merged models in the scratch folder, which a restart empties."""

    def __init__(self, resources: Resources) -> None:
        self._resources, self._folder = resources, resources.scratch / "inference" / "merged"
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def merged(self, model: ModelSpec, reason: str) -> ModelSpec:
        """The model as full weights. Raises Unservable where merging fails."""
        folder = self._place(model.uri)
        turn = self._turns.setdefault(model.uri, asyncio.Lock())
        async with turn:
            if not await asyncio.to_thread(folder.exists):
                log.info("merging_for_vllm", model_id=model.id, reason=reason)
                await self._merge(model, folder)
        return replace(model, ref={"path": str(folder), "kind": "full", "base": None})

    async def forget(self, uri: str) -> None:
        """Free the disk."""
        await asyncio.to_thread(shutil.rmtree, self._place(uri), ignore_errors=True)

    def _place(self, uri: str) -> Path:
        return self._folder / hashlib.sha256(uri.encode()).hexdigest()[:32]

    async def _merge(self, model: ModelSpec, folder: Path) -> None:
        part = folder.with_suffix(".part")
        await asyncio.to_thread(shutil.rmtree, part, ignore_errors=True)
        await asyncio.to_thread(part.mkdir, parents=True)
        spec = {"ref": model.ref, "folder": str(part), "parameters": model.parameters}
        child = await self._resources.engines.launch(TARGET, spec, cwd=part, env={"CUDA_VISIBLE_DEVICES": ""})
        end = await child.answer() or {}
        if end.get("kind") != "result":
            detail = end.get("detail", "it ended without an answer")
            raise Unservable(f"the adapter could not be merged: {detail}", field="model")
        part.rename(folder)
