"""Searches the rows of a version, and shows those of one split.

Spec: {"split", "splits": {split: [paths]}, "offset", "limit", "search", "where"}. Result: {"rows": [{row_id, source,
row}], "matches": {split: rows that match}}.
"""

import json
from typing import Any

from services.dataset.engine.curation.rows import RowFilter, read_splits
from shared.engine.process.protocol import Commands, Reporter


def main(spec: dict[str, Any], reporter: Reporter, commands: Commands) -> dict[str, Any]:
    """Read the whole version, and keep one page of what matches in the split."""
    is_match, matches = RowFilter(spec["search"], spec["where"]), dict.fromkeys(spec["splits"], 0)
    page: list[dict[str, Any]] = []
    for row in read_splits(spec["splits"], reporter):
        if is_match(row.row, row.columns):
            if row.split == spec["split"] and spec["offset"] <= matches[row.split] < spec["offset"] + spec["limit"]:
                page.append({"row_id": row.row_id, "source": row.source, "row": json.loads(row.row)})
            matches[row.split] += 1
    return {"rows": page, "matches": matches}
