"""Reads a page of a split's rows.

Spec: {"shards": [paths], "offset", "limit"}. Result: {"rows": [{row_id, source, row}]}.
"""

import json
from typing import Any

from services.dataset.engine.shards import read_rows
from shared.engine.process.protocol import Commands, Reporter


def main(spec: dict[str, Any], reporter: Reporter, commands: Commands) -> dict[str, Any]:
    """Read rows [offset, offset + limit); only their row groups are decompressed."""
    rows = read_rows(spec["shards"], spec["offset"], spec["limit"])
    return {"rows": [{"row_id": id, "source": source, "row": json.loads(row)} for id, source, row in rows]}
