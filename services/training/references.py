"""Resolves the references of a request to base models and datasets, verified by their manifests."""

from dataclasses import dataclass

from services.training.base_models.bundled import SEEDLING, URI, BundledModel
from services.training.errors import UnknownBase, UnknownDataset, UnsuitableDataset
from services.training.store import Stores
from shared.blobs.artifacts import artifact_uri, find_dataset, key_of, read_manifest
from shared.blobs.errors import BlobNotFound
from shared.blobs.manifests import DatasetManifest, ModelManifest, ModelShape
from shared.blobs.protocol import Blobs
from shared.runtime.errors import NotFound

MAX_SUGGESTIONS = 20


@dataclass(frozen=True)
class ResolvedBaseModel:
    """A model that can be trained: its `name` in the request, its URI and its manifest."""

    name: str
    uri: str
    manifest: ModelManifest


class References:
    """Looks base models and datasets up."""

    def __init__(self, blobs: Blobs, stores: Stores, bundled: BundledModel) -> None:
        self._blobs, self._stores, self._bundled = blobs, stores, bundled

    async def base_model(self, project: str, reference: str) -> ResolvedBaseModel:
        """Resolve `seedling`, the id of a base or custom model, or a downloaded model's hub id. Raises UnknownBase."""
        uri = await self._base_uri(project, reference)
        manifest = await self._bundled.manifest() if uri == URI else await self._model(project, uri)
        if uri is None or manifest is None:
            raise await self._unknown_base(project, reference)
        return ResolvedBaseModel(reference, uri, manifest)

    async def shape(self, project: str, manifest: ModelManifest) -> ModelShape | None:
        """The shape of the model or of its base model; None where that was registered before shapes were stored."""
        while manifest.shape is None and manifest.base_uri is not None:
            base = await self._model(project, manifest.base_uri)
            if base is None:
                return None
            manifest = base
        return manifest.shape

    async def dataset(self, project: str, reference: str) -> DatasetManifest:
        """Resolve `<id>` or `<id>@<version>`. Raises UnknownDataset, or UnsuitableDataset without training rows."""
        return _suitable(await self._published(project, reference, "dataset"))

    async def validation(
        self, project: str, reference: str | None, training: DatasetManifest
    ) -> DatasetManifest | None:
        """Resolve the dataset to validate on, if one is given. Raises UnsuitableDataset for rows of another form."""
        if reference is None:
            return None
        found = await self._published(project, reference, "validation")
        if found.form != training.form:
            detail = f"Its rows are {found.form}, and the training rows are {training.form}."
            remedy = "Upload validation rows of the same form."
            raise UnsuitableDataset(detail, field="validation", limit=training.form, remedy=remedy)
        return found

    async def _published(self, project: str, reference: str, field: str) -> DatasetManifest:
        if found := await find_dataset(self._blobs, project, reference):
            return found[1]
        raise UnknownDataset(
            f"There is no dataset {reference!r} in this project.",
            field=field,
            remedy='List what exists: GET /datasets. Give "<id>", or "<id>@<version>".',
        )

    async def _base_uri(self, project: str, reference: str) -> str | None:
        if reference == SEEDLING:
            return URI
        where = {"state": "succeeded", "hub_id": reference}
        for base in await self._stores.base_models.for_project(project).find(where, limit=1):
            return artifact_uri(project, "models", "base", base.id)
        for store, folder in ((self._stores.base_models, "base"), (self._stores.custom_models, "custom")):
            try:
                await store.for_project(project).get(reference)
            except NotFound:
                continue
            return artifact_uri(project, "models", folder, reference)
        return None

    async def _model(self, project: str, uri: str | None) -> ModelManifest | None:
        if uri is None:
            return None
        try:
            return ModelManifest.model_validate(await read_manifest(self._blobs, key_of(uri, project)))
        except BlobNotFound:
            return None

    async def _unknown_base(self, project: str, reference: str) -> UnknownBase:
        base_models = await self._stores.base_models.for_project(project).find(
            {"state": "succeeded"}, limit=MAX_SUGGESTIONS
        )
        custom_models = await self._stores.custom_models.for_project(project).find(limit=MAX_SUGGESTIONS)
        bundled = [SEEDLING] if self._bundled.present else []
        available = [
            *bundled,
            *(base.hub_id or base.id for base in base_models),
            *(model.id for model in custom_models),
        ]
        return UnknownBase(
            f"There is no base model {reference!r} here that a job could start from.",
            field="base",
            limit=available[:MAX_SUGGESTIONS],
            remedy="Name one of these, or fetch it first: GET /models/available lists what can be downloaded, and "
            'POST /models/base {"hub_id": …} downloads it.',
        )


def _suitable(manifest: DatasetManifest) -> DatasetManifest:
    if not manifest.rows.get("train"):
        raise UnsuitableDataset(
            f"Dataset {manifest.dataset_id} has no row in its training split.",
            field="dataset",
            limit="at least 1 training row",
            remedy="Upload more rows, with a smaller validation_share and without heldout.",
        )
    return manifest
