"""What a row needs from a chat template: properties that not every template can show."""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from itertools import chain, pairwise
from typing import Any

ANSWERS = ("chosen", "rejected", "completion")


def row_features(row: Mapping[str, Any]) -> frozenset[str]:
    """Return the features of a normalized row, in one pass over its messages; none for a text row.

    Names: system, later_system, tools, tool_calls, parallel_calls, text_with_calls, tool_results, reasoning,
    consecutive_roles, assistant_first, template_kwargs.
    """
    if "messages" not in row:
        return frozenset()
    prompt: Sequence[Mapping[str, Any]] = row["messages"]
    if len(row) == 1 and max(map(len, prompt), default=0) == 2:  # most rows: nothing but roles and contents
        return role_features(tuple([message["role"] for message in prompt]))
    answers = [row[side] for side in ANSWERS if side in row]
    found = {"tools"} if row.get("tools") else set()
    if row.get("chat_template_kwargs"):
        found.add("template_kwargs")
    for answer in answers or [()]:
        found |= role_features(tuple([message["role"] for message in chain(prompt, answer)]))
    for message in chain(prompt, *answers):
        if len(message) > 2:
            found |= call_features(message) if message.get("tool_calls") else set()
            found |= {"reasoning"} if message.get("reasoning_content") else set()
    return frozenset(found)


def call_features(message: Mapping[str, Any]) -> set[str]:
    """Return the features of a message with tool calls."""
    parallel = {"parallel_calls"} if len(message["tool_calls"]) > 1 else set()
    text = {"text_with_calls"} if str(message.get("content") or "").strip() else set()
    return {"tool_calls"} | parallel | text


@lru_cache(maxsize=4_096)
def role_features(roles: tuple[str, ...]) -> frozenset[str]:
    """Return the features that follow from the roles of a conversation alone."""
    found = {"system"} if roles[:1] == ("system",) else set()
    turns = roles[1:] if found else roles
    if "system" in turns:
        found.add("later_system")
    if "tool" in roles:
        found.add("tool_results")
    if turns[:1] == ("assistant",):
        found.add("assistant_first")
    if any(one == other != "tool" for one, other in pairwise(turns)):
        found.add("consecutive_roles")
    return frozenset(found)
