"""The tools of a chat request: their shapes, and the JSON that an answer must be where a call is forced."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, Field

Schema = dict[str, Any]


class FunctionName(BaseModel):
    """A function, by its name."""

    name: str = Field(pattern="^[A-Za-z0-9_-]{1,64}$")


class Function(FunctionName):
    """A function that can be called."""

    description: str | None = None
    parameters: Schema | None = None


class _Described(BaseModel):
    type: Literal["function"]
    function: Function


class NamedTool(BaseModel):
    """The function that must be called."""

    type: Literal["function"]
    function: FunctionName


def _checked(tool: dict[str, Any]) -> dict[str, Any]:
    _Described.model_validate(tool)
    return tool


Tool = Annotated[dict[str, Any], AfterValidator(_checked)]
"""As it came, with every key where it was: the chat template writes it so, and wrote it so in training."""
ToolChoice = Literal["none", "auto", "required"] | NamedTool


def name_of(tool: Mapping[str, Any]) -> str:
    """Its function's name."""
    return str(tool["function"]["name"])


def schema_of(tools: Sequence[Mapping[str, Any]], choice: ToolChoice, *, parallel: bool) -> Schema | None:
    """What a forced answer must be: the named function's arguments, or a list of calls; None where none is forced.

    Raises ValueError where two tools define the same name differently.
    """
    parameters = {name_of(tool): tool["function"].get("parameters") or {"type": "object"} for tool in tools}
    if isinstance(choice, NamedTool):
        return parameters[choice.function.name]
    if choice != "required":
        return None
    definitions: Schema = {}
    for schema in parameters.values():
        for name, definition in schema.get("$defs", {}).items():
            if definitions.setdefault(name, definition) != definition:
                raise ValueError(f"two tools define {name} in $defs differently")
    most = {} if parallel else {"maxItems": 1}
    calls = [_call(name, schema) for name, schema in parameters.items()]
    return {"type": "array", "minItems": 1, **most, "items": {"anyOf": calls}, "$defs": definitions}


def _call(name: str, parameters: Schema) -> Schema:
    arguments = {key: value for key, value in parameters.items() if key != "$defs"}
    properties = {"name": {"type": "string", "enum": [name]}, "arguments": arguments}
    return {
        "type": "object",
        "properties": properties,
        "required": ["name", "arguments"],
        "additionalProperties": False,
    }
