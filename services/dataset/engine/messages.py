"""Parsing chat messages of several formats into {role, content, tool_calls?, tool_call_id?, name?, reasoning_content?}.

Known formats are OpenAI's (`role`, `content`) and ShareGPT's (`from`, `value`).
"""

import json
from typing import Any

from services.dataset.engine.lines import BadRow
from services.dataset.formats import MAX_CELL_CHARS

ROLES = {
    "system": "system",
    "developer": "system",
    "user": "user",
    "human": "user",
    "assistant": "assistant",
    "gpt": "assistant",
    "chatgpt": "assistant",
    "model": "assistant",
    "bot": "assistant",
    "tool": "tool",
    "function": "tool",
    "observation": "tool",
    "function_call": "assistant",
}
"""Role in the file -> role in a normalized message."""
COPIED_FIELDS = ("name", "tool_call_id", "reasoning_content")
TYPE_NAMES: dict[type, str] = {
    bool: "a boolean",
    int: "a number",
    float: "a number",
    list: "a list",
    dict: "an object",
}

Message = dict[str, Any]


def type_name(value: object) -> str:
    """Name the JSON type of a value for an error message."""
    if value is None:
        return "null"
    if isinstance(value, float) and value != value:
        return "NaN"
    return TYPE_NAMES.get(type(value), f"a {type(value).__name__}")


def require_text(value: object, field: str) -> str:
    """Return a string that is not blank and not longer than a cell may be. Raises BadRow."""
    if not isinstance(value, str):
        raise BadRow(f"{field} is {type_name(value)}, text is expected")
    if not value or value.isspace():
        raise BadRow(f"{field} is empty")
    if len(value) > MAX_CELL_CHARS:
        raise BadRow(f"{field} has {len(value)} characters, at most {MAX_CELL_CHARS} are allowed")
    return value


def parse_messages(value: object, field: str) -> list[Message]:
    """Parse a list of messages, or its JSON text. Raises BadRow.

    Roles must be known, contents present, and only the first message may be a system message.
    """
    if isinstance(value, str):
        value = _parse_json(value, field)
    if not isinstance(value, list):
        raise BadRow(f"{field} is {type_name(value)}, a list of messages is expected")
    if not value:
        raise BadRow(f"{field} is empty")
    messages = [_parse_message(item, f"{field}[{index}]") for index, item in enumerate(value)]
    for index, message in enumerate(messages):
        if index and message["role"] == "system":
            raise BadRow(f"{field}[{index}] is a system message; only the first one may be")
    return messages


def _parse_message(item: object, field: str) -> Message:
    if not isinstance(item, dict):
        raise BadRow(f"{field} is {type_name(item)}, an object with role and content is expected")
    given_role = item.get("role", item.get("from"))
    role = ROLES.get(given_role) if isinstance(given_role, str) else None
    if role is None:
        raise BadRow(f"{field}.role is {given_role!r:.80}; known are {', '.join(sorted(ROLES))}")
    content = item.get("content", item.get("value"))
    message = {"role": role, **{key: item[key] for key in COPIED_FIELDS if isinstance(item.get(key), str)}}
    if given_role == "function_call":
        return {**message, "content": "", "tool_calls": _parse_tool_calls(content, field)}
    return {**message, **_parse_body(role, content, item.get("tool_calls"), field)}


def _parse_body(role: str, content: object, tool_calls: object, field: str) -> Message:
    if isinstance(content, list):
        content = _join_parts(content, field)
    if role == "assistant" and tool_calls:
        text = "" if content is None else content
        if not isinstance(text, str):
            raise BadRow(f"{field}.content is {type_name(text)}, text is expected")
        return {"content": text, "tool_calls": _parse_tool_calls(tool_calls, field)}
    if role == "tool" and content == "":
        return {"content": ""}
    return {"content": require_text(content, f"{field}.content")}


def _join_parts(parts: list[Any], field: str) -> str:
    """Join OpenAI's content parts. Raises BadRow for a part that is not text."""
    for part in parts:
        if not isinstance(part, dict) or part.get("type", "text") != "text" or not isinstance(part.get("text"), str):
            kind = part.get("type") if isinstance(part, dict) else type_name(part)
            raise BadRow(f"{field}.content has a part {kind!r}; only text parts can be trained on")
    return "".join(part["text"] for part in parts)


def _parse_tool_calls(value: object, field: str) -> list[Message]:
    """Parse tool calls into {"type": "function", "function": {"name", "arguments": object}}, with an id if given."""
    if isinstance(value, str):
        value = _parse_json(value, f"{field}.tool_calls")
    calls = value if isinstance(value, list) else [value]
    return [_parse_tool_call(call, f"{field}.tool_calls[{index}]") for index, call in enumerate(calls)]


def _parse_tool_call(call: object, field: str) -> Message:
    function = call.get("function", call) if isinstance(call, dict) else None
    if not isinstance(function, dict) or not isinstance(function.get("name"), str) or not function["name"]:
        raise BadRow(f"{field} names no function")
    arguments = function.get("arguments")
    if isinstance(arguments, str):
        arguments = _parse_json(arguments or "{}", f"{field}.arguments")
    if arguments is not None and not isinstance(arguments, dict):
        raise BadRow(f"{field}.arguments is {type_name(arguments)}, an object is expected")
    # Parquet gives every row of a struct column all its fields: those that a call does not have are null.
    present = {key: item for key, item in (arguments or {}).items() if item is not None}
    id = {"id": call["id"]} if isinstance(call, dict) and isinstance(call.get("id"), str) else {}
    return {**id, "type": "function", "function": {"name": function["name"], "arguments": present}}


def parse_tools(value: object) -> list[Message] | None:
    """Parse the tools of a conversation: a list of objects, or its JSON text; None where there are none."""
    if isinstance(value, str):
        value = _parse_json(value, "tools") if value.strip() else None
    if not value:
        return None
    if not isinstance(value, list) or not all(isinstance(tool, dict) for tool in value):
        raise BadRow(f"tools is {type_name(value)}, a list of objects is expected")
    return value


def _parse_json(text: str, field: str) -> object:
    try:
        parsed: object = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise BadRow(f"{field} is not JSON: {error}") from error
    return parsed
