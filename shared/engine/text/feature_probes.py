"""A conversation for each feature of rows, to find out whether a chat template shows it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Probe:
    """A row with one feature, and the texts that a template which shows the feature writes."""

    row: Mapping[str, Any]
    texts: tuple[str, ...]


def _conversation(*turns: tuple[str, str], **more: Any) -> dict[str, Any]:
    return {"messages": [{"role": role, "content": content} for role, content in turns], **more}


_ASKED, _ANSWERED = ("user", "wordone"), ("assistant", "wordtwo")
_TOOL = {"name": "wordtool", "description": "wordthree", "parameters": {"type": "object", "properties": {}}}
_CALL, _SECOND = (
    {"type": "function", "id": f"call0000{i}", "function": {"name": "wordtool", "arguments": {"wordkey": value}}}
    for i, value in enumerate(("wordvalue", "wordlast"))
)
_CALLING = {"role": "assistant", "content": "", "tool_calls": [_CALL]}
_RESULT = {"role": "tool", "name": "wordtool", "tool_call_id": "call00000", "content": "wordresult"}
_ENDING = {"role": "assistant", "content": "wordtwo"}
_TOOLS = [{"type": "function", "function": _TOOL}]
_USER = {"role": "user", "content": "wordone"}
_THINKING = {"role": "assistant", "content": "wordtwo", "reasoning_content": "wordthought"}

TEXT = Probe(_conversation(_ASKED, _ANSWERED), ("wordone", "wordtwo"))
"""What every template must show."""
PROBES = {
    "system": Probe(_conversation(("system", "wordsystem"), _ASKED, _ANSWERED), ("wordsystem", "wordtwo")),
    "later_system": Probe(
        _conversation(("system", "wordsystem"), _ASKED, ("system", "wordlater"), _ANSWERED), ("wordsystem", "wordlater")
    ),
    "tools": Probe(_conversation(_ASKED, _ANSWERED, tools=_TOOLS), ("wordtool",)),
    "tool_calls": Probe({"messages": [_USER, _CALLING], "tools": _TOOLS}, ("wordvalue",)),
    "tool_results": Probe(
        {"messages": [_USER, _CALLING, _RESULT, _ENDING], "tools": _TOOLS},
        ("wordresult",),
    ),
    "parallel_calls": Probe(
        {"messages": [_USER, {**_CALLING, "tool_calls": [_CALL, _SECOND]}], "tools": _TOOLS},
        ("wordvalue", "wordlast"),
    ),
    "text_with_calls": Probe(
        {"messages": [_USER, {**_CALLING, "content": "wordbefore"}, _RESULT, _ENDING], "tools": _TOOLS},
        ("wordbefore", "wordvalue", "wordtwo"),
    ),
    "reasoning": Probe({"messages": [_USER, _THINKING]}, ("wordthought", "wordtwo")),
    "consecutive_roles": Probe(
        _conversation(_ASKED, ("user", "wordthree"), _ANSWERED, ("assistant", "wordfour")),
        ("wordone", "wordthree", "wordtwo", "wordfour"),
    ),
    "assistant_first": Probe(
        _conversation(("assistant", "wordfirst"), _ASKED, _ANSWERED), ("wordfirst", "wordone", "wordtwo")
    ),
}
"""A probe of each feature but template_kwargs, which a template shows if it reads variables of its own."""
