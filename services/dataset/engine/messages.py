"""Parsing chat messages of several formats.

A message becomes {role, content, tool_calls?, tool_call_id?, name?, reasoning_content?, train?, untrained?}. Known
formats are OpenAI's (`role`, `content`), ShareGPT's (`from`, `value`), LLaMA-Factory's, Axolotl's and ms-swift's.
"""

import json
from dataclasses import dataclass, field
from typing import Any, TypeGuard

from services.dataset.engine.content_parts import read_parts
from services.dataset.engine.lines import BadRow
from services.dataset.engine.loss_masks import SPANS, SWITCHES, parse_mask
from services.dataset.engine.tool_calls import parse_tool_calls
from services.dataset.engine.values import (
    MESSAGES_TEXT,
    PYTHON_TEXT,
    has_value,
    parse_json,
    require_text,
    type_name,
)
from services.dataset.layouts import MEDIA_COLUMNS

CALL_ROLES = ("function_call", "tool_call")
ROLES = {
    **dict.fromkeys(("system", "developer"), "system"),
    **dict.fromkeys(("user", "human", "prompter"), "user"),
    **dict.fromkeys(("assistant", "gpt", "chatgpt", "model", "bot", "ai", *CALL_ROLES), "assistant"),
    **dict.fromkeys(("tool", "function", "observation", "tool_response", "ipython"), "tool"),
}
"""Role in the file, in lower case -> role in a normalized message."""
REASONING_FIELDS = ("reasoning_content", "reasoning", "thinking")
ANSWER_FIELDS = frozenset({*REASONING_FIELDS, "tool_calls", "function_call"})
"""Fields that only turns of the assistant may have."""
BODY_FIELDS = frozenset({"role", "from", "content", "value"})
MESSAGE_FIELDS = {
    **dict.fromkeys((*SWITCHES, SPANS), "loss mask"),
    **dict.fromkeys(REASONING_FIELDS, "the reasoning before the answer"),
    "tool_calls": "the tool calls of the turn",
    "function_call": "the tool call of the turn",
    "tool_call_id": "the call that the turn answers",
    "name": "shown where the chat template shows it",
}
"""Fields of a message besides its role and content, and what they are used for."""

Message = dict[str, Any]


@dataclass
class RowNotes:
    """What reading a row found: filled fields of messages as (column, field), codes of warnings, split, kept values."""

    fields: set[tuple[str, str]] = field(default_factory=set)
    codes: set[str] = field(default_factory=set)
    split: str | None = None
    columns: dict[str, str | int] = field(default_factory=dict)


def parse_messages(value: object, column: str, notes: RowNotes) -> list[Message]:
    """Parse a list of messages, or its JSON text. Raises BadRow.

    Roles must be known, contents present, and only the first message may be a system message; an empty one is dropped.
    """
    if isinstance(value, str):
        value = parse_json(value, column)
    if not isinstance(value, list):
        raise BadRow(f"{column} is {type_name(value)}, a list of messages is expected")
    if not value:
        raise BadRow(f"{column} is empty")
    messages: list[Message] = []
    for index, item in enumerate(value):
        message = _parse_message(item, column, f"{column}[{index}]", notes)
        if message and message["role"] == "system" and messages:
            raise BadRow(f"{column}[{index}] is a system message; only the first one may be")
        messages += [message] if message else []
    if not messages:
        raise BadRow(f"{column} has no message with text")
    return messages


def _parse_message(item: object, column: str, field: str, notes: RowNotes) -> Message | None:
    """Return None for an empty system message."""
    if not isinstance(item, dict):
        raise BadRow(f"{field} is {type_name(item)}, an object with role and content is expected")
    role_field, given_role = _first_of(item, "role", "from")
    name = given_role.strip().lower() if isinstance(given_role, str) else ""
    role = ROLES.get(name)
    if role is None and given_role is None:
        raise BadRow(f"{field} has no role; its fields are {', '.join(map(str, item))[:200] or 'none'}")
    if role is None:
        known = ", ".join(sorted(ROLES))
        raise BadRow(f"{field}.{role_field} is {given_role!r:.80}; known are {known}")
    if extra := {key for key in item.keys() - BODY_FIELDS if has_value(item[key])}:
        _check_fields(extra, field)
        notes.fields.update((column, key) for key in extra)
    content_field, content = _first_of(item, "content", "value")
    body = _parse_body(item, role, name, content, f"{field}.{content_field}", field)
    if body is None:
        return None
    mask = parse_mask(item, body["content"], field) if extra else {}
    if role != "assistant":
        notes.codes |= {"untrainable_turns"} if mask.get("train") or "untrained" in mask else set()
        notes.codes |= {"misplaced_fields"} if extra & ANSWER_FIELDS or "reasoning_content" in body else set()
        body.pop("reasoning_content", None)
        mask = {}
    return {"role": role, **body, **mask}


def parse_messages_text(text: str, column: str, notes: RowNotes) -> list[Message] | None:
    """Parse the JSON text of a list of messages; None for any other text. Raises BadRow."""
    if not MESSAGES_TEXT.match(text):
        return None
    try:
        value = parse_json(text, column)
    except BadRow:
        if PYTHON_TEXT.match(text):
            raise
        return None
    roles = [_first_of(item, "role", "from")[1] for item in value] if _are_objects(value) else [None]
    if not all(isinstance(role, str) and role.strip().lower() in ROLES for role in roles):
        return None
    return parse_messages(value, column, notes)


def _are_objects(value: object) -> TypeGuard[list[Message]]:
    return isinstance(value, list) and all(isinstance(item, dict) for item in value)


def _first_of(item: Message, *names: str) -> tuple[str, object]:
    return next(((name, item[name]) for name in names if item.get(name) is not None), (names[0], None))


def _check_fields(fields: set[str], field: str) -> None:
    """Refuse what cannot be trained on."""
    if media := sorted(fields & MEDIA_COLUMNS):
        raise BadRow(f"{field}.{media[0]} has a value; models are trained on text only")
    if "refusal" in fields:
        raise BadRow(f"{field}.refusal has a value; write the refusal into content, or remove the row")


def _parse_body(item: Message, role: str, name: str, content: object, field: str, message: str) -> Message | None:
    """Return content, reasoning, tool calls and names; None for a system message without text."""
    if role == "system" and not has_value(content):
        return None
    body: Message = {key: item[key] for key in ("name", "tool_call_id") if isinstance(item.get(key), str) and item[key]}
    parts: Message = {}
    if isinstance(content, list):
        parts = read_parts(content, field)
        content = parts["content"]
    if reasoning := _parse_reasoning({**item, **parts}, message):
        body["reasoning_content"] = reasoning
    if name in CALL_ROLES:
        return {**body, "content": "", "tool_calls": parse_tool_calls(content, field)}
    if role == "assistant" and (calls := _parse_calls({**item, **parts}, message)):
        return {**body, "content": require_text(content, field) if has_value(content) else "", "tool_calls": calls}
    if role == "tool":
        return {**body, "content": _tool_result(content, field)}
    if content is None and not item.keys() & {"content", "value"}:
        raise BadRow(f"{message} has no content; its fields are {', '.join(map(str, item))[:200]}")
    return {**body, "content": require_text(content, field)}


def _tool_result(content: object, field: str) -> str:
    """A result may be empty; an object is shown as JSON, as templates write it."""
    if isinstance(content, dict):
        content = json.dumps(content, ensure_ascii=False)
    return require_text(content, field) if has_value(content) else ""


def _parse_reasoning(item: Message, field: str) -> str | None:
    given = {key: item[key] for key in REASONING_FIELDS if has_value(item.get(key))}
    texts = {require_text(value, f"{field}.{key}") for key, value in given.items()}
    if len(texts) > 1:
        raise BadRow(f"{field} has different texts in {' and '.join(given)}; keep one of them")
    return next(iter(texts), None)


def _parse_calls(item: Message, field: str) -> list[Message]:
    if has_value(item.get("tool_calls")):
        return parse_tool_calls(item["tool_calls"], f"{field}.tool_calls")
    if has_value(item.get("function_call")):
        return parse_tool_calls(item["function_call"], f"{field}.function_call")
    return []
