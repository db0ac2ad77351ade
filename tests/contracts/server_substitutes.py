"""Contract tests that the substitutes for MongoDB and S3 fail; docs/reference/server-substitutes.md lists the same.

A test listed here is a strict expected failure on the substitute: once it passes, it must be removed from the list.
On a real server (ANNEAL_TEST_MONGO_URL, ANNEAL_TEST_S3_URL) every test counts.
"""

import os

ACTIVE = frozenset(os.environ.get("ANNEAL_TEST_SUBSTITUTES", "").split(","))

TYPES = "nx-27017 compares across types: 1 with true, strings with numbers, an object with its text"
MISSING = "nx-27017 treats a missing field and null as different in $ne, in counts and in unique indexes"

KNOWN_FAILURES: dict[str, dict[str, str]] = {
    "MONGO": {
        "test_filters_agree_for_every_pair_of_types": TYPES,
        "test_in_operator_accepts_mixed_types": TYPES,
        "test_missing_field_counts_as_null": MISSING,
        "test_unique_index_treats_nulls_as_equal": MISSING,
        "test_patch_below_a_non_object_changes_nothing": "nx-27017 overwrites the parent",
        "test_field_names_can_contain_any_letter": "nx-27017 does not quote field names in its SQL",
        "test_a_unique_index_holds_for_patches": "nx-27017 checks unique indexes on inserts and replacements only",
    },
    "S3": {},
}
SERVERS = {"motor": "MONGO", "pymongo": "MONGO", "s3": "S3"}
"""The server that an adapter talks to."""


def expected_failure(test: str, adapter: str) -> str | None:
    """Why this test must fail with this adapter in this run, or None where it must pass."""
    server = SERVERS.get(adapter, "")
    return KNOWN_FAILURES.get(server, {}).get(test) if server in ACTIVE else None
