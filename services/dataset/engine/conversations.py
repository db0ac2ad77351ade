"""Messages of every dialect as one: {role, content, tool_calls?, tool_call_id?, name?, reasoning_content?}."""

import json
from typing import Any

from services.dataset.engine.lines import BadRow
from services.dataset.formats import MAX_CELL

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
KEPT = ("name", "tool_call_id", "reasoning_content")
KINDS: dict[type, str] = {bool: "a boolean", int: "a number", float: "a number", list: "a list", dict: "an object"}

Message = dict[str, Any]


def kind_of(value: object) -> str:
    """What a value is, in a sentence."""
    if value is None:
        return "null"
    if isinstance(value, float) and value != value:
        return "NaN"
    return KINDS.get(type(value), f"a {type(value).__name__}")


def text_of(value: object, where: str) -> str:
    """A string with something in it, not longer than a cell may be."""
    if not isinstance(value, str):
        raise BadRow(f"{where} is {kind_of(value)}, text is expected")
    if not value or value.isspace():
        raise BadRow(f"{where} is empty")
    if len(value) > MAX_CELL:
        raise BadRow(f"{where} has {len(value)} characters, at most {MAX_CELL} are allowed")
    return value


def messages_of(value: object, where: str) -> list[Message]:
    """A checked list of messages: known roles, contents in place, a system message only at the start."""
    if isinstance(value, str):
        value = _parsed(value, where)
    if not isinstance(value, list):
        raise BadRow(f"{where} is {kind_of(value)}, a list of messages is expected")
    if not value:
        raise BadRow(f"{where} is empty")
    messages = [_message(item, f"{where}[{index}]") for index, item in enumerate(value)]
    for index, message in enumerate(messages):
        if index and message["role"] == "system":
            raise BadRow(f"{where}[{index}] is a system message; only the first one may be")
    return messages


def _message(item: object, where: str) -> Message:
    if not isinstance(item, dict):
        raise BadRow(f"{where} is {kind_of(item)}, an object with role and content is expected")
    said = item.get("role", item.get("from"))
    role = ROLES.get(said) if isinstance(said, str) else None
    if role is None:
        raise BadRow(f"{where}.role is {said!r:.80}; known are {', '.join(sorted(ROLES))}")
    content = item.get("content", item.get("value"))
    message = {"role": role, **{key: item[key] for key in KEPT if isinstance(item.get(key), str)}}
    if said == "function_call":
        return {**message, "content": "", "tool_calls": _calls(content, where)}
    return {**message, **_body(role, content, item.get("tool_calls"), where)}


def _body(role: str, content: object, calls: object, where: str) -> Message:
    if isinstance(content, list):
        content = _joined(content, where)
    if role == "assistant" and calls:
        text = "" if content is None else content
        if not isinstance(text, str):
            raise BadRow(f"{where}.content is {kind_of(text)}, text is expected")
        return {"content": text, "tool_calls": _calls(calls, where)}
    if role == "tool" and content == "":
        return {"content": ""}
    return {"content": text_of(content, f"{where}.content")}


def _joined(parts: list[Any], where: str) -> str:
    """Content in parts, as OpenAI's format has it; only text can be trained here."""
    for part in parts:
        if not isinstance(part, dict) or part.get("type", "text") != "text" or not isinstance(part.get("text"), str):
            kind = part.get("type") if isinstance(part, dict) else kind_of(part)
            raise BadRow(f"{where}.content has a part {kind!r}; only text parts can be trained on")
    return "".join(part["text"] for part in parts)


def _calls(value: object, where: str) -> list[Message]:
    """Tool calls as {"type": "function", "function": {"name", "arguments": object}} with an id where one was given."""
    if isinstance(value, str):
        value = _parsed(value, f"{where}.tool_calls")
    calls = value if isinstance(value, list) else [value]
    return [_call(call, f"{where}.tool_calls[{index}]") for index, call in enumerate(calls)]


def _call(call: object, where: str) -> Message:
    function = call.get("function", call) if isinstance(call, dict) else None
    if not isinstance(function, dict) or not isinstance(function.get("name"), str) or not function["name"]:
        raise BadRow(f"{where} names no function")
    arguments = function.get("arguments")
    if isinstance(arguments, str):
        arguments = _parsed(arguments or "{}", f"{where}.arguments")
    if arguments is not None and not isinstance(arguments, dict):
        raise BadRow(f"{where}.arguments is {kind_of(arguments)}, an object is expected")
    plain = {key: item for key, item in (arguments or {}).items() if item is not None}
    id = {"id": call["id"]} if isinstance(call, dict) and isinstance(call.get("id"), str) else {}
    return {**id, "type": "function", "function": {"name": function["name"], "arguments": plain}}


def tools_of(value: object) -> list[Message] | None:
    """The tools that a conversation may use: a list of objects, or its JSON text; None where there are none."""
    if isinstance(value, str):
        value = _parsed(value, "tools") if value.strip() else None
    if not value:
        return None
    if not isinstance(value, list) or not all(isinstance(tool, dict) for tool in value):
        raise BadRow(f"tools is {kind_of(value)}, a list of objects is expected")
    return value


def _parsed(text: str, where: str) -> object:
    try:
        found: object = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise BadRow(f"{where} is not JSON: {error}") from error
    return found
