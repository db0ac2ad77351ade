"""A chat's prompt with tools: only where the model's own template shows them, and writes calls as they will be read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from services.inference.openai.tool_calls import HermesCalls
from shared.engine.process.protocol import EngineError
from shared.engine.text.template import ChatTemplate

DESCRIBE = "describe them in the messages and ask for JSON by response_format, or set a chat template that shows tools"
FORCE = "use tool_choice required or name a function, on vLLM"


def chat_prompt(template: ChatTemplate, command: Mapping[str, Any]) -> list[int]:
    """The token ids of {"messages", "tools"?, "call_format"?}; raises EngineError tools_unsupported."""
    messages, tools = command["messages"], command.get("tools")
    if tools:
        if template.render(messages, tools, True) == template.render(messages, None, True):
            raise EngineError("tools_unsupported", "the model's chat template shows no tools", remedy=DESCRIBE)
        if command.get("call_format") and not _writes_hermes(template, tools):
            told = "the model's chat template writes no calls as <tool_call>{json}</tool_call>"
            raise EngineError("tools_unsupported", told, remedy=FORCE)
    return template.prompt_ids(messages, tools)


def _writes_hermes(template: ChatTemplate, tools: Sequence[Mapping[str, Any]]) -> bool:
    """Whether a call is read again from what the template makes of it."""
    call = {"type": "function", "function": {"name": "probe", "arguments": {"number": 1}}}
    asked = {"role": "user", "content": "?"}
    try:
        text = template.render([asked, {"role": "assistant", "content": "", "tool_calls": [call]}], tools)
    except EngineError:
        return False
    _, calls = HermesCalls().read(text, True)
    return [(found.name, found.arguments) for found in calls] == [("probe", '{"number": 1}')]
