"""Background work: downloads a base model from the hub or an object store, checks it and publishes it."""

import asyncio
import shutil
import time
from pathlib import Path
from typing import Any

from services.training.base_models.inspection import inspect_folder
from services.training.base_models.object_store import copy_folder
from services.training.base_models.service import download_folder, publish_base_model
from services.training.models import Base
from services.training.store import Stores
from shared.blobs.artifacts import delete_artifact
from shared.documents.entities import Changed
from shared.events.training import BaseModelReady
from shared.runtime.errors import AnnealError, NotFound, in_sentences
from shared.runtime.jobs.engine_runs import run_to_result
from shared.runtime.jobs.leases import Lease, LeaseLost
from shared.runtime.processes.limits import Limits
from shared.runtime.processes.network import network_environment
from shared.runtime.resources import Resources

TARGET = "services.training.engine.tasks.download_model:main"
REPORT_INTERVAL_S = 1.0


class Fetcher:
    """`run(base, lease)` for the worker that downloads base models."""

    def __init__(self, resources: Resources, stores: Stores) -> None:
        self._resources, self._stores = resources, stores
        self._reported: dict[str, float] = {}

    async def run(self, base: Base, lease: Lease[Base]) -> None:
        """Download to the end, or hand the work back to the queue; a partial download stays for the next attempt."""
        folder = download_folder(self._resources, base)
        await asyncio.to_thread(folder.mkdir, parents=True, exist_ok=True)
        try:
            source, changes = await self._fetch(base, lease, folder)
            if source is None:
                return
            await self._publish(base.model_copy(update=changes), lease, source, folder)
        except NotFound:  # its owner deleted it meanwhile, perhaps while it was published
            await delete_artifact(self._resources.blobs, f"{base.project}/models/base/{base.id}")
            await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)
        except LeaseLost:
            raise
        except AnnealError as error:
            cause, detail = error.code, in_sentences(error.detail, error.remedy)
            await lease.change(lambda current: current.fail(cause, detail))
            await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)
        finally:
            self._reported.pop(base.id, None)

    async def _fetch(self, base: Base, lease: Lease[Base], folder: Path) -> tuple[Path | None, dict[str, Any]]:
        secret = self._resources.keyring.decrypt("training", base.id, base.secret) if base.secret else None
        if base.source == "object_store":
            return await copy_folder(self._resources, base, secret or "", lease, folder, self._report), {}
        child = await self._resources.engines.launch(
            TARGET,
            {
                "hub_id": base.hub_id,
                "revision": base.revision,
                "endpoint": self._resources.settings.hub_endpoint.rstrip("/"),
                "allowed_hosts": self._resources.settings.import_hosts,
                "outbound_hosts": self._resources.settings.outbound_hosts,
                "output": str(folder),
            },
            cwd=folder,
            env=network_environment(),
            requires=("huggingface_hub",),
            limits=Limits(network="open"),
        )
        await child.send({"op": "token", "token": secret})
        result = await run_to_result(child, lease, lambda message: self._on_message(message, lease))
        if result is None or result.get("stopped"):
            return None, {}
        return Path(result["path"]), {"revision": result["revision"]}

    async def _on_message(self, message: dict[str, Any], lease: Lease[Base]) -> None:
        if message["kind"] == "progress":
            await self._report(lease, message["done"], message["total"])

    async def _report(self, lease: Lease[Base], done: int, total: int) -> None:
        """Write the progress, at most once per second for each download."""
        if time.monotonic() - self._reported.get(lease.id, 0.0) < REPORT_INTERVAL_S and done < total:
            return
        self._reported[lease.id] = time.monotonic()

        def set_progress(current: Base) -> None:
            current.bytes_done, current.bytes_total = done, total

        await lease.change(set_progress)

    async def _publish(self, base: Base, lease: Lease[Base], source: Path, folder: Path) -> None:
        facts = await inspect_folder(self._resources, source, base.project, field="hub_id" if base.hub_id else "uri")
        size = await publish_base_model(self._resources, base, facts, source)
        await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)

        def finish(current: Base) -> Changed:
            current.revision = base.revision
            current.mark_ready(facts, size)
            return [BaseModelReady(base_id=current.id, secret=current.secret_kind)]

        await lease.change(finish)
