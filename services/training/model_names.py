"""Names of custom models: requests can name a model by them, so they are plain text that means no other model."""

from unicodedata import category

from services.training.references import References
from shared.runtime.errors import InvalidInput

FORBIDDEN = frozenset('/\\<>"`')
JOINERS = frozenset("\u200c\u200d")
"""Characters that some scripts and emoji need, although Unicode counts them as controls."""
ALLOWED = 'letters, digits, spaces and . _ - and other punctuation, but not / \\ < > " ` and no control characters'


async def require_usable_name(references: References, project: str, name: str, own_uri: str | None = None) -> None:
    """Raise InvalidInput for a name with other characters, or one that means a model other than that at `own_uri`."""
    if (plain := plain_name(name)) != name:
        remedy = f"Use a name such as {plain!r}."
        raise InvalidInput(f"{name!r} cannot be a model's name.", field="name", limit=ALLOWED, remedy=remedy)
    uri = await references.uri_of(project, name)
    if uri not in (None, own_uri):
        kind, id = uri.split("/")[-2:]
        raise InvalidInput(
            f"Requests mean the {kind} model {id} by {name!r}.",
            field="name",
            limit="no id of a model, and no name of a base model",
            remedy=f"Use another name, such as {f'{name} 2'!r}.",
        )


def plain_name(text: str) -> str:
    """The text with a hyphen for every character that a name may not have."""
    return "".join(char if _allowed(char) else "-" for char in text)


def _allowed(char: str) -> bool:
    kind = category(char)
    return char in JOINERS or not (char in FORBIDDEN or kind.startswith("C") or kind in ("Zl", "Zp"))
