"""Names that people read: no characters that hide text, reorder it, or drive a terminal."""

import re
from typing import Annotated

from pydantic import AfterValidator
from pydantic_core import PydanticCustomError

HIDDEN = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
"""Control characters, line separators, Unicode's bidirectional overrides and isolates, and halves of surrogates."""


def refuse_hidden(name: str) -> str:
    """Return the name. Raises PydanticCustomError if it has a hidden character."""
    if found := HIDDEN.search(name):
        found_at = {"code": f"U+{ord(found[0]):04X}", "position": found.start() + 1}
        raise PydanticCustomError(
            "hidden_character", "must not have control characters ({code} at character {position})", found_at
        )
    return name


DisplayName = Annotated[str, AfterValidator(refuse_hidden)]
