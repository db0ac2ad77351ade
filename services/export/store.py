"""Export documents, and the manifests of the models they export."""

from services.export.errors import UnknownModel
from services.export.models import Export, ModelName
from services.export.push_record import Push
from shared.blobs.artifacts import find_model
from shared.blobs.manifests import ModelManifest
from shared.blobs.protocol import Blobs
from shared.documents.entities import EntityStore
from shared.documents.protocol import Index
from shared.documents.spec import CollectionSpec
from shared.runtime.jobs.uses import Uses
from shared.runtime.resources import Resources

Exports = EntityStore[Export]
EXPORTS = CollectionSpec(
    "export.exports",
    Export,
    "DELETE /exports/{id} makes it a tombstone and deletes its files.",
    (Index(("state", "priority", "created_at")), Index(("state", "cause")), Index(("target.model_id",))),
)
MODEL_NAMES = CollectionSpec(
    "export.model_names", ModelName, "Kept without limit: one small document for each model that was renamed."
)
PUSHES = CollectionSpec(
    "export.pushes",
    Push,
    "Kept without limit; its token or key is removed when it ends.",
    (Index(("state", "priority", "created_at")), Index(("state", "cause")), Index(("export_id",))),
)
COLLECTIONS = (EXPORTS, MODEL_NAMES, PUSHES)


async def open_exports(resources: Resources) -> Exports:
    """Open the collection, over all projects; `for_project` selects one."""
    return await resources.outbox.store(EXPORTS)


async def open_model_names(resources: Resources) -> EntityStore[ModelName]:
    """Open the collection, over all projects; `for_project` selects one."""
    return await resources.outbox.store(MODEL_NAMES)


async def open_pushes(resources: Resources) -> EntityStore[Push]:
    """Open the collection, over all projects; `for_project` selects one."""
    return await resources.outbox.store(PUSHES)


def open_uses(blobs: Blobs, exports: Exports) -> Uses[Export]:
    """Keep the model of an export that has not ended from being deleted."""
    return Uses(blobs, exports, "export", lambda export: (export.target.model_id,))


async def find_custom_model(blobs: Blobs, project: str, model_id: str) -> tuple[str, ModelManifest]:
    """Return URI and manifest of a custom model. Raises UnknownModel."""
    if found := await find_model(blobs, project, "custom", model_id):
        return found
    remedy = "GET /models/custom lists the models of this project."
    raise UnknownModel(f"There is no custom model {model_id!r}.", field="id", remedy=remedy)
