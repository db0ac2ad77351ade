"""The part of JSON Schema that describes an eval's rows. Keywords outside of it are refused: none is ignored."""

from collections.abc import Mapping
from typing import Any

from services.evaluation.errors import Unsupported
from shared.runtime.errors import InvalidInput

TYPES: Mapping[str, tuple[type, ...]] = {
    "object": (dict,),
    "array": (list,),
    "string": (str,),
    "number": (int, float),
    "integer": (int,),
    "boolean": (bool,),
    "null": (type(None),),
}
WITHOUT_EFFECT = ("title", "description", "default", "examples", "$schema", "$comment")
KEYWORDS = ("type", "properties", "required", "additionalProperties", "items", "enum", "const")
MAX_DEPTH = 16
MAX_ENUM = 256
"""Allowed values: each row is compared with all of them."""


class BadItem(InvalidInput):
    """A row does not match the item schema of its eval."""

    code = "item_schema_mismatch"


def check_schema(schema: Any, field: str, depth: int = 0) -> None:
    """Raise InvalidInput for what is no schema of an object, Unsupported for keywords that are not checked here."""
    if not isinstance(schema, Mapping) or depth > MAX_DEPTH:
        detail = "A schema is a JSON object." if depth <= MAX_DEPTH else "The schema is nested too deeply."
        raise InvalidInput(detail, field=field, limit=MAX_DEPTH, remedy="Correct the schema.")
    for keyword in schema:
        if keyword not in KEYWORDS + WITHOUT_EFFECT:
            detail = f"The schema keyword {keyword!r} is not supported."
            remedy = f"Use {', '.join(KEYWORDS)}; leave the others out."
            raise Unsupported(detail, field=f"{field}.{keyword}", limit=list(KEYWORDS), remedy=remedy)
    types = schema.get("type", [])
    given = types if isinstance(types, list) else [types]
    if unknown := [each for each in given if not isinstance(each, str) or each not in TYPES]:
        remedy = f"Use {', '.join(TYPES)}."
        raise InvalidInput(
            f"There is no type {unknown[0]!r:.80}.", field=f"{field}.type", limit=list(TYPES), remedy=remedy
        )
    _check_forms(schema, field)
    for name, inner in (schema.get("properties") or {}).items():
        check_schema(inner, f"{field}.properties.{name}", depth + 1)
    for keyword in ("items", "additionalProperties"):
        if not isinstance(inner := schema.get(keyword, True), bool):
            check_schema(inner, f"{field}.{keyword}", depth + 1)
    if depth == 0 and types not in ([], "object", ["object"]):
        raise InvalidInput("Rows are objects.", field=f"{field}.type", limit="object", remedy="Set type to object.")


def _check_forms(schema: Mapping[str, Any], field: str) -> None:
    """Raise InvalidInput for a keyword whose value has another form than JSON Schema says."""
    required = schema.get("required", [])
    forms = {
        "properties": isinstance(schema.get("properties", {}), dict),
        "required": isinstance(required, list) and all(isinstance(name, str) for name in required),
        "enum": isinstance(schema.get("enum", []), list) and len(schema.get("enum", [])) <= MAX_ENUM,
        "items": isinstance(schema.get("items", {}), dict | bool),
        "additionalProperties": isinstance(schema.get("additionalProperties", {}), dict | bool),
    }
    if wrong := next((keyword for keyword, fits in forms.items() if not fits), None):
        remedy = "See json-schema.org for its form."
        limit = {"values": MAX_ENUM} if wrong == "enum" else None
        raise InvalidInput(f"{wrong} has another form.", field=f"{field}.{wrong}", limit=limit, remedy=remedy)


def check_value(schema: Any, value: Any, field: str) -> None:
    """Raise BadItem where the value does not match the schema; `field` is its place in the request."""
    if isinstance(schema, bool):
        if not schema:
            raise _mismatch(field, "is not in the item schema", None)
        return
    if (types := schema.get("type")) is not None:
        allowed = types if isinstance(types, list) else [types]
        if not any(_is(value, name) for name in allowed):
            raise _mismatch(field, f"is no {' or '.join(allowed)}", allowed)
    if "enum" in schema and not any(_equal(value, known) for known in schema["enum"]):
        raise _mismatch(field, "is not one of the allowed values", schema["enum"])
    if "const" in schema and not _equal(value, schema["const"]):
        raise _mismatch(field, "is not the allowed value", schema["const"])
    if isinstance(value, dict):
        _check_object(schema, value, field)
    if isinstance(value, list) and "items" in schema:
        for index, entry in enumerate(value):
            check_value(schema["items"], entry, f"{field}.{index}")


def _check_object(schema: Mapping[str, Any], value: Mapping[str, Any], field: str) -> None:
    if (missing := next((name for name in schema.get("required", ()) if name not in value), None)) is not None:
        raise _mismatch(f"{field}.{missing}", "is missing", schema["required"])
    properties = schema.get("properties", {})
    for name, entry in value.items():
        check_value(properties.get(name, schema.get("additionalProperties", True)), entry, f"{field}.{name}")


def _is(value: Any, name: str) -> bool:
    if isinstance(value, bool):
        return name == "boolean"
    if name == "integer" and isinstance(value, float):
        return value.is_integer()
    return isinstance(value, TYPES[name])


def _equal(left: Any, right: Any) -> bool:
    """Equal as JSON: true is not 1."""
    return bool(left == right) and isinstance(left, bool) == isinstance(right, bool)


def _mismatch(field: str, what: str, limit: Any) -> BadItem:
    return BadItem(f"{field} {what}.", field=field, limit=limit, remedy="Correct the row, or the eval's item schema.")
