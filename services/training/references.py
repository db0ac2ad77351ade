"""Resolves the references of a request to base models and datasets, verified by their manifests."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from services.training.base_models.bundled import SEEDLING, URI, BundledModel
from services.training.errors import AmbiguousBase, UnknownBase, UnknownDataset, UnsuitableDataset
from services.training.models import Base, CustomModel, references_of
from services.training.store import Stores
from shared.blobs.aliases import alias_exists
from shared.blobs.artifacts import artifact_uri, find_dataset, key_of, read_manifest
from shared.blobs.errors import BlobNotFound
from shared.blobs.manifests import DatasetManifest, ModelManifest, ModelShape
from shared.blobs.protocol import Blobs

MAX_SUGGESTIONS = 20


@dataclass(frozen=True)
class ResolvedBaseModel:
    """A model that can be trained: its id, or its hub id if the request has that; its URI and its manifest."""

    reference: str
    uri: str
    manifest: ModelManifest

    @property
    def name(self) -> str:
        """Its display name."""
        return self.manifest.name


class References:
    """Looks base models and datasets up."""

    def __init__(self, blobs: Blobs, stores: Stores, bundled: BundledModel) -> None:
        self._blobs, self._stores, self._bundled = blobs, stores, bundled

    async def base_model(self, project: str, reference: str) -> ResolvedBaseModel:
        """Resolve the id, hub id or unique name of a base or custom model. Raises UnknownBase or AmbiguousBase."""
        uri = await self.uri_of_id(project, reference)
        if uri is None and (named := await self._named(project, reference)):
            model = _only(reference, named)
            uri = _uri_of(model)
            reference = reference if isinstance(model, Base) and model.hub_id == reference else model.id
        manifest = await self._bundled.manifest() if uri == URI else await self._model(project, uri)
        if uri is None or manifest is None:
            raise await self._unknown_base(project, reference)
        for renamed in await self._stores.custom_models.for_project(project).find({"_id": reference}, limit=1):
            manifest.name = renamed.name
        return ResolvedBaseModel(reference, uri, manifest)

    async def uri_of_id(self, project: str, id: str) -> str | None:
        """The URI of the model with this id; `seedling` is one. None: there is none."""
        if id == SEEDLING:
            return URI
        for store in (self._stores.base_models, self._stores.custom_models):
            for model in await store.for_project(project).find({"_id": id}, limit=1):
                return _uri_of(model)
        return None

    async def uri_of(self, project: str, name: str) -> str | None:
        """The URI of the model that has this id, or of a base model that has this name. None: there is none."""
        if uri := await self.uri_of_id(project, name):
            return uri
        named = await self._base_models_named(project, name)
        return _uri_of(named[0]) if named else None

    async def has_alias(self, project: str, name: str) -> bool:
        """Whether requests mean an alias's model by this name."""
        return await alias_exists(self._blobs, project, name)

    async def is_base_model(self, project: str, reference: str) -> bool:
        """Whether `reference` is a base model's."""
        uri = await self.uri_of(project, reference)
        return uri is not None and uri.rpartition("/")[0].endswith("/models/base")

    async def shape(self, project: str, manifest: ModelManifest) -> ModelShape | None:
        """The shape of the model or of its base model; None where that was registered before shapes were stored."""
        while manifest.shape is None and manifest.base_uri is not None:
            base = await self._model(project, manifest.base_uri)
            if base is None:
                return None
            manifest = base
        return manifest.shape

    async def template_features(self, project: str, manifest: ModelManifest) -> list[str] | None:
        """What the chat template of the model or of its base shows of a row; None where nobody probed it."""
        while manifest.template_features is None and manifest.base_uri is not None:
            base = await self._model(project, manifest.base_uri)
            if base is None:
                return None
            manifest = base
        return manifest.template_features

    async def dataset(self, project: str, reference: str) -> DatasetManifest:
        """Resolve `<id>` or `<id>@<version>`. Raises UnknownDataset, or UnsuitableDataset without training rows."""
        return _suitable(await self.published_dataset(project, reference, "dataset"))

    async def validation(
        self, project: str, reference: str | None, training: DatasetManifest
    ) -> DatasetManifest | None:
        """Resolve the dataset to validate on, if one is given. Raises UnsuitableDataset for rows of another form."""
        if reference is None:
            return None
        found = await self.published_dataset(project, reference, "validation")
        if not any(found.rows.get(split) for split in found.training_splits):
            detail = f"Dataset {found.dataset_id} has only a test split. Test rows take no part in training."
            remedy = "Name a dataset with other rows, or upload the file outside of an archive."
            raise UnsuitableDataset(
                detail, field="validation", limit="at least 1 row outside the test split", remedy=remedy
            )
        if found.form != training.form:
            detail = f"Its rows are {found.form}, and the training rows are {training.form}."
            remedy = "Upload validation rows of the same form."
            raise UnsuitableDataset(detail, field="validation", limit=training.form, remedy=remedy)
        return found

    async def published_dataset(self, project: str, reference: str, field: str) -> DatasetManifest:
        """The manifest of a dataset, with or without training rows. Raises UnknownDataset."""
        if found := await find_dataset(self._blobs, project, reference):
            return found[1]
        raise UnknownDataset(
            f"There is no dataset {reference!r} in this project.",
            field=field,
            remedy='List what exists: GET /datasets. Give "<id>", or "<id>@<version>".',
        )

    async def _named(self, project: str, name: str) -> list[Base | CustomModel]:
        """The models with this name."""
        custom = await self._stores.custom_models.for_project(project).find({"name": name}, limit=MAX_SUGGESTIONS)
        return [*await self._base_models_named(project, name), *custom]

    async def _base_models_named(self, project: str, name: str) -> list[Base]:
        """The usable base models with this name or hub id; of equal weights, the latest."""
        store = self._stores.base_models.for_project(project)
        found = [
            base
            for field in ("name", "hub_id")
            for base in await store.find({field: name, "state": "succeeded"}, limit=MAX_SUGGESTIONS)
        ]
        return list({base.weights: base for base in reversed(found)}.values())

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
            *references_of(base_models, custom_models).values(),
            *(model.id for model in custom_models),
        ]
        return UnknownBase(
            f"There is no base model {reference!r} here that a job could start from.",
            field="base",
            limit=available[:MAX_SUGGESTIONS],
            remedy="Name one of these, or fetch it first: GET /models/available lists what can be downloaded, and "
            'POST /models/base {"hub_id": …} downloads it.',
        )


def _uri_of(model: Base | CustomModel) -> str:
    folder = "base" if isinstance(model, Base) else "custom"
    return artifact_uri(model.project, "models", folder, model.id)


def _only(name: str, found: Sequence[Base | CustomModel]) -> Base | CustomModel:
    """The one model with the name. Raises AmbiguousBase where there are several."""
    if len(found) > 1:
        ids = [model.id for model in found]
        detail = f"{len(found)} models have the name {name!r}: {', '.join(map(_described, found))}."
        raise AmbiguousBase(detail, field="base", limit=ids, remedy="Use the id of one.")
    return found[0]


def _described(model: Base | CustomModel) -> str:
    """The model's id and what sets it apart from others with its name."""
    if isinstance(model, CustomModel):
        return f"{model.id} (custom model)"
    origin = Path(model.origin).name if model.source == "path" else model.origin  # the server's folders are its own
    return f"{model.id} (revision {model.revision})" if model.revision else f"{model.id} (from {origin})"


def _suitable(manifest: DatasetManifest) -> DatasetManifest:
    if not manifest.rows.get("train"):
        raise UnsuitableDataset(
            f"Dataset {manifest.dataset_id} has no row in its training split.",
            field="dataset",
            limit="at least 1 training row",
            remedy="Upload more rows, with a smaller validation_share and without heldout; rows of splits named "
            "validation or test are not trained.",
        )
    return manifest
