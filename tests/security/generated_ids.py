"""schemathesis hooks: identifiers in paths are those of existing resources, half of the time."""

import json
import os
import random
from typing import Any

import schemathesis

IDS = json.loads(os.environ["ANNEAL_TEST_IDS"])
"""Path before the identifier -> identifier."""


@schemathesis.hook
def map_path_parameters(context: Any, path_parameters: dict[str, Any] | None) -> dict[str, Any] | None:
    """Nothing that exists is deleted, so that it exists for all calls."""
    prefix, name = context.operation.path.partition("{")[::2]
    if path_parameters and prefix in IDS and context.operation.method != "delete" and random.random() < 0.5:
        return {**path_parameters, name.partition("}")[0]: IDS[prefix]}
    return path_parameters
