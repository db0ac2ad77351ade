"""Names of custom models: requests can name a model by them, so they are plain text that means no other model."""

from services.training.references import References
from shared.model_names import ALLOWED, plain_name
from shared.runtime.errors import InvalidInput


async def require_usable_name(references: References, project: str, name: str, own_uri: str | None = None) -> None:
    """Raise InvalidInput for a name with other characters, or one that means an alias or a model not at `own_uri`."""
    if (plain := plain_name(name)) != name:
        remedy = f"Use a name such as {plain!r}."
        raise InvalidInput(f"{name!r} cannot be a model's name.", field="name", limit=ALLOWED, remedy=remedy)
    uri, means = await references.uri_of(project, name), None
    if uri not in (None, own_uri):
        kind, id = uri.split("/")[-2:]
        means = f"{kind} model {id}"
    elif await references.has_alias(project, name):
        means = "alias"
    if means:
        raise InvalidInput(
            f"Requests mean the {means} by {name!r}.",
            field="name",
            limit="no id of a model, no name of a base model, and no alias",
            remedy=f"Use another name, such as {f'{name} 2'!r}.",
        )
