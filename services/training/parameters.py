"""Parameters and fields that the requests of several packages share."""

import hashlib
import json
from typing import Annotated, Any

from fastapi import Header, Query
from pydantic import AfterValidator, StringConstraints

from shared.runtime.http.display_name import refuse_hidden

Key = Annotated[str | None, Header(alias="Idempotency-Key", max_length=200, description="repeat safely")]
Limit = Annotated[int, Query(ge=1, le=200, description="entries of a page")]
Cursor = Annotated[str | None, Query(description="next_cursor of the page before")]
Name = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=120), AfterValidator(refuse_hidden)
]


def body_hash(body: dict[str, Any]) -> str:
    """A digest of a request: a second request with the same Idempotency-Key must have the same one."""
    return hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()
