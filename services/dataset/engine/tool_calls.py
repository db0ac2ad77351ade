"""Tools and tool calls of several formats into OpenAI's current one, with arguments as objects."""

from typing import Any

from services.dataset.engine.lines import BadRow
from services.dataset.engine.values import is_absent, parse_json, type_name


def parse_tool_calls(value: object, field: str) -> list[dict[str, Any]]:
    """Parse calls into {"type": "function", "function": {"name", "arguments": object}}, with an id if given.

    Accepts a call, a list of calls, or the JSON text of either. Raises BadRow.
    """
    if isinstance(value, str):
        value = _parse_call_text(value, field)
    calls = value if isinstance(value, list) else [value]
    return [_parse_tool_call(call, f"{field}[{index}]") for index, call in enumerate(calls)]


def _parse_call_text(text: str, field: str) -> object:
    try:
        return parse_json(text, field)
    except BadRow as error:
        expected = 'the JSON text of a call, {"name": …, "arguments": {…}}, is expected'
        raise BadRow(f"{field} is {text!r:.60}; {expected}") from error


def _parse_tool_call(call: object, field: str) -> dict[str, Any]:
    if isinstance(call, str):
        call = _parse_call_text(call, field)
    function = call.get("function", call) if isinstance(call, dict) else None
    if not isinstance(function, dict) or not isinstance(function.get("name"), str) or not function["name"]:
        raise BadRow(f"{field} names no function")
    arguments = function.get("arguments", function.get("parameters"))
    if isinstance(arguments, str):
        arguments = parse_json(arguments or "{}", f"{field}.arguments")
    if arguments is not None and not isinstance(arguments, dict):
        raise BadRow(f"{field}.arguments is {type_name(arguments)}, an object is expected")
    id = {"id": call["id"]} if isinstance(call, dict) and isinstance(call.get("id"), str) else {}
    return {**id, "type": "function", "function": {"name": function["name"], "arguments": arguments or {}}}


def parse_tools(value: object, field: str) -> list[dict[str, Any]] | None:
    """Parse the tools of a conversation; None where there are none. Raises BadRow.

    Accepts a list of tools, of bare functions (OpenAI's former `functions`, LLaMA-Factory), of their JSON texts, or the
    JSON text of such a list.
    """
    if is_absent(value):
        return None
    if isinstance(value, str):
        value = parse_json(value, field)
    tools = value if isinstance(value, list) else [value]
    return [_parse_tool(tool, f"{field}[{index}]") for index, tool in enumerate(tools)] or None


def _parse_tool(tool: object, field: str) -> dict[str, Any]:
    if isinstance(tool, str):
        tool = parse_json(tool, field)
    if not isinstance(tool, dict):
        raise BadRow(f"{field} is {type_name(tool)}, an object that describes a tool is expected")
    if "name" not in tool or "function" in tool:
        return tool
    if "input_schema" in tool and "parameters" not in tool:  # Anthropic's name of it
        tool = {("parameters" if key == "input_schema" else key): value for key, value in tool.items()}
    return {"type": "function", "function": tool}
