"""The list of every model that a job can start from."""

import os
from pathlib import Path

from services.training.base_models.bundled import SEEDLING, Bundled
from services.training.base_models.hub import WELL_KNOWN, Hub, KnownModel
from services.training.base_models.views import AvailableModel, AvailableModels
from services.training.models import Base, CustomModel
from services.training.store import Stores

SHOWN = 500


class Catalog:
    """Everything that a job can start from, or could after a download. Nothing is fetched by looking."""

    def __init__(self, stores: Stores, bundled: Bundled, hub: Hub) -> None:
        self._stores, self._bundled, self._hub = stores, bundled, hub

    async def available(self, project: str) -> AvailableModels:
        """Bundled first, then the project's own, then what the hub has."""
        bases = await self._stores.bases.for_project(project).find(limit=SHOWN)
        models = await self._stores.models.for_project(project).find(limit=SHOWN)
        here = {base.hub_id for base in bases if base.state not in ("failed", "cancelled")}
        reachable = await self._hub.reachable()
        return AvailableModels(
            items=[
                *await self._seedling(),
                *(_of_base(base) for base in bases if base.state != "cancelled"),
                *(_of_custom(model) for model in models),
                *(_of_known(known, reachable) for known in WELL_KNOWN if known.hub_id not in here),
            ]
        )

    async def _seedling(self) -> list[AvailableModel]:
        """Listed from the first moment, usable when its first check has ended."""
        if not self._bundled.present:
            return []
        manifest = await self._bundled.published()
        return [
            AvailableModel(
                reference=SEEDLING,
                name=SEEDLING,
                kind="base",
                availability="bundled" if manifest else "preparing",
                parameters=manifest.parameters if manifest else None,
                context_length=manifest.context_length if manifest else None,
                architecture=manifest.architecture if manifest else "",
                usable=manifest is not None,
                note="Small enough to train in a minute without a GPU; it knows little by itself.",
            )
        ]


def _of_base(base: Base) -> AvailableModel:
    ready = base.state == "succeeded"
    return AvailableModel(
        reference=base.hub_id if base.hub_id and ready else base.id,
        name=base.name,
        kind="base",
        availability="ready" if ready else "failed" if base.state == "failed" else "preparing",
        parameters=base.parameters or None,
        context_length=base.context_length or None,
        architecture=base.architecture,
        usable=ready,
        note=base.detail or "",
    )


def _of_custom(model: CustomModel) -> AvailableModel:
    return AvailableModel(
        reference=model.id,
        name=model.name,
        kind="custom",
        availability="ready",
        parameters=model.parameters,
        context_length=model.context_length,
        usable=True,
        note=f"Trained from {model.base}.",
    )


def _of_known(known: KnownModel, reachable: bool) -> AvailableModel:
    cached = _in_cache(known.hub_id)
    fetch = f'POST /models/base {{"hub_id": "{known.hub_id}"}}'
    return AvailableModel(
        reference=known.hub_id,
        name=known.hub_id,
        kind="base",
        availability="cached" if cached else "downloadable" if reachable else "unreachable",
        parameters=known.parameters,
        context_length=known.context_length,
        gated=known.gated,
        usable=False,
        note=f"Fetch it first: {fetch}.",
    )


def _in_cache(hub_id: str) -> bool:
    """Whether another program of this user has downloaded it (huggingface_hub's cache layout)."""
    root = Path(os.environ.get("HF_HOME", "~/.cache/huggingface")).expanduser() / "hub"
    snapshots = root / f"models--{hub_id.replace('/', '--')}" / "snapshots"
    return any(snapshots.glob("*/*.safetensors"))
