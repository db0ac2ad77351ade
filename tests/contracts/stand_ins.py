"""What the stand-ins for MongoDB and S3 cannot prove; `docs/reference/stand-ins.md` tells people the same.

A test named here is expected to fail on the stand-in, strictly: one that begins to pass must be taken off the list. On
a real server (ANNEAL_TEST_MONGO_URL and its kin) every test counts.
"""

import os

STARTED = frozenset(os.environ.get("ANNEAL_TEST_STAND_INS", "").split(","))

TYPES = "nx-27017 compares across types: 1 with true, strings with numbers, an object with its text"
MISSING = "nx-27017 takes a missing field and a null apart in $ne, in counts and in unique indexes"

UNPROVEN: dict[str, dict[str, str]] = {
    "MONGO": {
        "test_filters_mean_the_same_for_every_pair_of_types": TYPES,
        "test_in_takes_several_types": TYPES,
        "test_a_missing_field_counts_as_null": MISSING,
        "test_to_a_unique_index_nulls_are_equal": MISSING,
        "test_patch_below_what_is_no_object_is_refused_as_a_whole": "nx-27017 overwrites the parent",
        "test_any_letter_may_stand_in_a_field_name": "nx-27017 does not quote field names in its SQL",
        "test_a_unique_index_holds_for_patches": "nx-27017 checks unique indexes on inserts and replacements only",
    },
    "S3": {},
}
SERVERS = {"motor": "MONGO", "pymongo": "MONGO", "s3": "S3"}
"""Which server an adapter talks to."""


def unproven(test: str, adapter: str) -> str | None:
    """Why this test says nothing about this adapter in this run, or None."""
    server = SERVERS.get(adapter, "")
    return UNPROVEN.get(server, {}).get(test) if server in STARTED else None
