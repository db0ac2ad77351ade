"""Reading single cells and fields: text, truth values, JSON, and what counts as absent."""

import json
import math
import re
from datetime import date, time
from decimal import Decimal

from services.dataset.engine.lines import BadRow
from services.dataset.formats import MAX_CELL_CHARS
from shared.json_keys import RepeatedKey, unique_keys

ABSENT_TEXTS = frozenset({"none", "null", "nan", "<noinput>"})
"""What pandas, Python and Alpaca write into an optional cell that is empty."""
MISSING_TEXTS = ABSENT_TEXTS | {"#n/a", "n/a", "na", "<na>"}
"""What an answer that is missing may look like."""
TRUTH_TEXTS = {"true": True, "false": False, "1": True, "0": False}
RATING_TEXTS = {
    **dict.fromkeys(("yes", "good", "desirable", "chosen", "accepted", "thumbs_up", "1.0"), True),
    **dict.fromkeys(("no", "bad", "undesirable", "rejected", "thumbs_down", "0.0", "-1", "-1.0"), False),
}
"""Labels of answers besides truth values."""
MESSAGES_TEXT = re.compile(r"""\s*\[\s*\{\s*["'](role|from|content|value)["']\s*:""")
PYTHON_TEXT = re.compile(r"\s*[\[{]+\s*'")
TYPE_NAMES: dict[type, str] = {
    str: "a text",
    bool: "a boolean",
    int: "a number",
    float: "a number",
    list: "a list",
    dict: "an object",
    bytes: "binary data",
}


def type_name(value: object) -> str:
    """Name the JSON type of a value for an error message."""
    if value is None:
        return "null"
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "infinite"
    return TYPE_NAMES.get(type(value), f"a {type(value).__name__}")


def has_value(value: object) -> bool:
    """Whether a cell or field is filled: null, NaN, blank text, an empty list and an empty object are not."""
    if isinstance(value, str):
        return bool(value) and not value.isspace()
    if isinstance(value, float):
        return value == value
    return value is not None and value != [] and value != {}


def is_absent(value: object) -> bool:
    """Whether an optional cell is empty, or says so in words."""
    return not has_value(value) or (isinstance(value, str) and value.strip().lower() in ABSENT_TEXTS)


def require_text(value: object, field: str) -> str:
    """Return a text that is not blank and not longer than a cell may be. Raises BadRow.

    A number is written as a spreadsheet shows it (42.0 as 42), a boolean as JSON, a date as ISO 8601.
    """
    if isinstance(value, bool | int | float):
        value = _number_text(value, field)
    elif isinstance(value, Decimal):
        value = format(value, "f")
    elif isinstance(value, date | time):
        value = str(value)
    if not isinstance(value, str):
        hint = "; write it as one text (json.dumps)" if isinstance(value, dict) else ""
        hint = "; join its texts" if isinstance(value, list) else hint
        raise BadRow(f"{field} is {type_name(value)}, text is expected{hint}")
    if not value or value.isspace():
        raise BadRow(f"{field} is empty")
    if len(value) > MAX_CELL_CHARS:
        raise BadRow(f"{field} has {len(value)} characters, at most {MAX_CELL_CHARS} are allowed")
    return value


def _number_text(value: float, field: str) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        if not math.isfinite(value):
            raise BadRow(f"{field} is {type_name(value)}, text is expected")
        if value.is_integer() and abs(value) < 1e15:
            return str(int(value))
    return str(value)


def truth(value: object) -> bool | None:
    """Return a boolean, 0, 1, or the text of one of them as a boolean; None for everything else."""
    if isinstance(value, str):
        return TRUTH_TEXTS.get(value.strip().lower())
    return bool(value) if isinstance(value, bool | int | float) and value in (0, 1) else None


def rating(value: object) -> bool | None:
    """Return the label of an answer as a boolean; None for a value that says neither good nor bad."""
    found = truth(value)
    if found is None and isinstance(value, str | int | float):
        found = RATING_TEXTS.get(str(value).strip().lower())
    return found


def parse_json(text: str, field: str) -> object:
    """Parse a JSON text. Raises BadRow."""
    try:
        parsed: object = json.loads(text, object_pairs_hook=unique_keys)
    except RepeatedKey as repeated:
        raise BadRow(f"{field} is JSON in which {repeated}") from repeated
    except (ValueError, RecursionError) as error:
        is_python = PYTHON_TEXT.match(text)
        reason = "Python wrote it with single quotes; write it with json.dumps" if is_python else str(error)
        raise BadRow(f"{field} is not JSON: {reason}") from error
    return parsed
