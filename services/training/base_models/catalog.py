"""The list of every model that a job can start from."""

import os
from pathlib import Path

from services.training.base_models.bundled import SEEDLING, BundledModel
from services.training.base_models.hub import WELL_KNOWN, Hub, KnownModel
from services.training.base_models.views import AvailableModel, AvailableModels
from services.training.models import Base, CustomModel, references_of
from services.training.store import Stores

MAX_LISTED = 500


class Catalog:
    """Lists the models that a job can start from, now or after a download. Listing downloads nothing."""

    def __init__(self, stores: Stores, bundled: BundledModel, hub: Hub) -> None:
        self._stores, self._bundled, self._hub = stores, bundled, hub

    async def available(self, project: str) -> AvailableModels:
        """The bundled one first, then the project's own, then those of the hub."""
        base_models = await self._stores.base_models.for_project(project).find(limit=MAX_LISTED)
        custom_models = await self._stores.custom_models.for_project(project).find(limit=MAX_LISTED)
        added = {base.hub_id for base in base_models if base.state not in ("failed", "cancelled")}
        references = references_of(base_models, custom_models)
        reachable = await self._hub.reachable()
        return AvailableModels(
            items=[
                *await self._seedling(),
                *(_base_model(base, references[base.id]) for base in base_models if base.state != "cancelled"),
                *(_custom_model(model) for model in custom_models),
                *(_hub_model(known, reachable) for known in WELL_KNOWN if known.hub_id not in added),
            ]
        )

    async def _seedling(self) -> list[AvailableModel]:
        """Listed at once; usable when its first check has ended."""
        if not self._bundled.present:
            return []
        manifest = await self._bundled.published()
        return [
            AvailableModel(
                reference=SEEDLING,
                id=SEEDLING,
                name=SEEDLING,
                kind="base",
                availability="bundled" if manifest else "preparing",
                parameters=manifest.parameters if manifest else None,
                context_length=manifest.context_length if manifest else None,
                architecture=manifest.architecture if manifest else "",
                template_features=manifest.template_features if manifest else None,
                usable=manifest is not None,
                note="Small enough to train in a minute without a GPU; it knows little.",
            )
        ]


def _base_model(base: Base, reference: str) -> AvailableModel:
    ready = base.state == "succeeded"
    return AvailableModel(
        reference=reference,
        id=base.id,
        name=base.name,
        kind="base",
        availability="ready" if ready else "failed" if base.state == "failed" else "preparing",
        parameters=base.parameters or None,
        context_length=base.context_length or None,
        architecture=base.architecture,
        template_features=base.template_features,
        usable=ready,
        note=base.detail or "",
        warnings=base.warnings,
    )


def _custom_model(model: CustomModel) -> AvailableModel:
    return AvailableModel(
        reference=model.id,
        id=model.id,
        name=model.name,
        kind="custom",
        availability="ready",
        parameters=model.parameters,
        context_length=model.context_length,
        usable=True,
        note=f"Trained from {model.base_name or model.base}.",
    )


def _hub_model(known: KnownModel, reachable: bool) -> AvailableModel:
    cached = _in_cache(known.hub_id)
    request = f'POST /models/base {{"hub_id": "{known.hub_id}"}}'
    return AvailableModel(
        reference=known.hub_id,
        name=known.hub_id,
        kind="base",
        availability="cached" if cached else "downloadable" if reachable else "unreachable",
        parameters=known.parameters,
        context_length=known.context_length,
        gated=known.gated,
        usable=False,
        note=f"Download it first: {request}.",
    )


def _in_cache(hub_id: str) -> bool:
    """Whether it is in this user's huggingface_hub cache."""
    root = Path(os.environ.get("HF_HOME", "~/.cache/huggingface")).expanduser() / "hub"
    snapshots = root / f"models--{hub_id.replace('/', '--')}" / "snapshots"
    return any(snapshots.glob("*/*.safetensors"))
