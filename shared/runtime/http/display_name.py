"""Names that people read: no characters that hide text, reorder it, or drive a terminal."""

import re
from typing import Annotated

from pydantic import AfterValidator
from pydantic_core import PydanticCustomError

HIDDEN = re.compile(
    r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff"
    r"\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"
    r"\u00ad\u200b\u2060-\u2064\ufeff\ufff9-\ufffb\U000e0000-\U000e007f]"
)
"""Control characters, line separators and halves of surrogates; Unicode's bidirectional controls (Bidi_Control); what
is invisible. Joiners (U+200C, U+200D) are not among them: Persian, Indic scripts and emoji need them."""


def refuse_hidden(name: str) -> str:
    """Return the name. Raises PydanticCustomError if it has a hidden character."""
    if found := HIDDEN.search(name):
        found_at = {"code": f"U+{ord(found[0]):04X}", "position": found.start() + 1}
        raise PydanticCustomError(
            "hidden_character",
            "must not have control or invisible characters ({code} at character {position})",
            found_at,
        )
    return name


DisplayName = Annotated[str, AfterValidator(refuse_hidden)]
