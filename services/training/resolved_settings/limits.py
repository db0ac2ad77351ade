"""The limits of each setting, from the schema of a request."""

from typing import Any

from pydantic import BaseModel, Field

from services.training.settings import AllocationRequest, LoraSettings, TrainingSettings

NAMES = {"minimum": "minimum", "maximum": "maximum", "exclusiveMinimum": "above", "exclusiveMaximum": "below"}


class Limits(BaseModel):
    """What a value may be; null: no limit of this kind."""

    type: str = Field(description="integer, number, string, boolean or array")
    minimum: float | None = None
    maximum: float | None = None
    above: float | None = Field(default=None, description="it must be greater")
    below: float | None = Field(default=None, description="it must be less")
    choices: list[str] | None = Field(default=None, description="the only values")


def _limits(schema: dict[str, Any]) -> Limits:
    """Of a property that may be null."""
    options = [option for option in schema.get("anyOf", [schema]) if option.get("type") != "null"]
    option = options[-1]  # of lora.targets, the list of names
    found = {ours: option[theirs] for theirs, ours in NAMES.items() if theirs in option}
    choices = option.get("enum") or ([option["const"]] if "const" in option else None)
    return Limits(type=option["type"], choices=choices, **found)


def _all_limits(model: type[BaseModel], prefix: str = "") -> dict[str, Limits]:
    properties = model.model_json_schema()["properties"]
    return {f"{prefix}{name}": _limits(schema) for name, schema in properties.items() if name not in NESTED}


NESTED = ("lora", "resources")
LIMITS = {
    **_all_limits(TrainingSettings),
    **_all_limits(LoraSettings, "lora."),
    **_all_limits(AllocationRequest, "resources."),
}
