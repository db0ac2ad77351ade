"""Searches the rows of a split.

Spec: {"split", "shards": [paths], "offset", "limit", "search", "where"}. Result: {"rows": [{row_id, source, row}],
"total": rows that match}.
"""

import json
from typing import Any

from services.dataset.engine.curation.rows import RowFilter, read_splits
from shared.engine.process.protocol import Commands, Reporter


def main(spec: dict[str, Any], reporter: Reporter, commands: Commands) -> dict[str, Any]:
    """Read the whole split, and keep one page of what matches."""
    matches, total = RowFilter(spec["search"], spec["where"]), 0
    page: list[dict[str, Any]] = []
    for row in read_splits({spec["split"]: spec["shards"]}, reporter):
        if matches(row.row, row.columns):
            if spec["offset"] <= total < spec["offset"] + spec["limit"]:
                page.append({"row_id": row.row_id, "source": row.source, "row": json.loads(row.row)})
            total += 1
    return {"rows": page, "total": total}
