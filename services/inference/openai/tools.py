"""Tool definitions of a chat request, and the JSON schema of a forced tool call."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field, GetCoreSchemaHandler, GetPydanticSchema, ValidatorFunctionWrapHandler
from pydantic_core import CoreSchema, core_schema

from shared.runtime.errors import InvalidInput

Schema = dict[str, Any]


class FunctionName(BaseModel):
    """A reference to a function by name."""

    name: str = Field(pattern="^[A-Za-z0-9_-]{1,64}$")


class Function(FunctionName):
    """The definition of a function."""

    description: str | None = None
    parameters: Schema | None = None


class ToolDefinition(BaseModel):
    """A function that the model may call."""

    type: Literal["function"]
    function: Function


class FunctionCall(BaseModel):
    """The function that was called."""

    name: str
    arguments: str | Schema = Field(description="JSON")


class ToolCall(BaseModel):
    """A tool call of an earlier assistant message."""

    id: str | None = None
    type: Literal["function"] = "function"
    function: FunctionCall


class NamedTool(BaseModel):
    """The function that the model must call."""

    type: Literal["function"]
    function: FunctionName


def _as_sent(model: type[BaseModel]) -> GetPydanticSchema:
    """Validate by a model, but return what was sent: a chat template renders keys in their order."""

    def validate(sent: Any, handler: ValidatorFunctionWrapHandler) -> Any:
        handler(sent)
        return sent

    def schema(source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_wrap_validator_function(validate, handler(model))

    return GetPydanticSchema(schema)


Tool = Annotated[dict[str, Any], _as_sent(ToolDefinition)]
SentToolCall = Annotated[dict[str, Any], _as_sent(ToolCall)]
ToolChoice = Literal["none", "auto", "required"] | NamedTool


def tool_name(tool: Mapping[str, Any]) -> str:
    """Return the name of the tool's function."""
    return str(tool["function"]["name"])


def forced_schema(tools: Sequence[Mapping[str, Any]], choice: ToolChoice, *, parallel: bool) -> Schema | None:
    """Return the schema of a forced call: the named function's arguments, or a list of calls. None if none is forced.

    Raises InvalidInput if two tools define the same name differently.
    """
    parameters = {tool_name(tool): tool["function"].get("parameters") or {"type": "object"} for tool in tools}
    if isinstance(choice, NamedTool):
        return parameters[choice.function.name]
    if choice != "required":
        return None
    definitions: Schema = {}
    for schema in parameters.values():
        for name, definition in schema.get("$defs", {}).items():
            if definitions.setdefault(name, definition) != definition:
                remedy = "Use different names."
                raise InvalidInput(f"Two tools define {name} in $defs differently.", field="tools", remedy=remedy)
    max_items = {} if parallel else {"maxItems": 1}
    calls = [_call_schema(name, schema) for name, schema in parameters.items()]
    return {"type": "array", "minItems": 1, **max_items, "items": {"anyOf": calls}, "$defs": definitions}


def _call_schema(name: str, parameters: Schema) -> Schema:
    arguments = {key: value for key, value in parameters.items() if key != "$defs"}
    properties = {"name": {"type": "string", "enum": [name]}, "arguments": arguments}
    return {
        "type": "object",
        "properties": properties,
        "required": ["name", "arguments"],
        "additionalProperties": False,
    }
