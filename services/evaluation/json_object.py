"""JSON objects in requests."""

import json
from typing import Annotated, Any

from pydantic import AfterValidator

from shared.suites import require_shallow


def _require_json(value: dict[str, Any]) -> dict[str, Any]:
    """Refuse what Python's reader takes for JSON, and no answer could show again, or nests too deep to be shown."""
    require_shallow(value)
    try:
        json.dumps(value, ensure_ascii=False, allow_nan=False).encode()
    except ValueError as error:
        raise ValueError("NaN, infinities and halves of characters (lone surrogates) are no JSON") from error
    return value


JsonObject = Annotated[dict[str, Any], AfterValidator(_require_json)]
