"""Names that people read: no characters that hide text, reorder it, or drive a terminal."""

import re
import unicodedata
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
BLANK = frozenset("\u115f\u1160\u2800\u3164\uffa0")
"""Hangul fillers and the empty Braille pattern: letters and symbols that look like spaces."""


def visible(name: str) -> str:
    """The name without hidden characters; empty where it shows nothing."""
    name = HIDDEN.sub("", name)
    return name if any(unicodedata.category(char)[0] not in "CMZ" and char not in BLANK for char in name) else ""


def refuse_hidden(name: str) -> str:
    """Return the name. Raises PydanticCustomError if it has a hidden character, or nothing visible."""
    if found := HIDDEN.search(name):
        found_at = {"code": f"U+{ord(found[0]):04X}", "position": found.start() + 1}
        raise PydanticCustomError(
            "hidden_character",
            "must not have control or invisible characters ({code} at character {position})",
            found_at,
        )
    if name and not visible(name):
        raise PydanticCustomError("invisible_name", "must have a visible character")
    return name


DisplayName = Annotated[str, AfterValidator(refuse_hidden)]
