"""The id of a repository on a Hugging Face hub, as a request names it."""

import re
from typing import Annotated

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

PATTERN = r"^[\w.-]+/[\w.-]+$"
VALID = re.compile(r"(?!.*(--|\.\.))\w[\w.-]*(?<![.-])/\w[\w.-]{0,95}(?<![.-])(?<!\.git)")
"""The rules of `huggingface_hub.utils.validate_repo_id`, with an owner."""


def _check_hub_id(id: str) -> str:
    if not VALID.fullmatch(id):
        raise PydanticCustomError("hub_id", "owner/name is expected, such as rajpurkar/squad")
    return id


HubId = Annotated[str, AfterValidator(_check_hub_id), Field(max_length=200, json_schema_extra={"pattern": PATTERN})]
