"""Renders chat prompts. Tools need a chat template that renders them and writes calls in the format that is parsed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from services.inference.openai.tool_calls import HermesToolParser
from shared.engine.process.protocol import EngineError
from shared.engine.text.template import ChatTemplate

NO_TOOLS_REMEDY = (
    "describe the tools in the messages and request JSON with response_format, "
    "or use a chat template that renders tools"
)
NO_HERMES_REMEDY = "use vLLM with tool_choice required or a named function"


def chat_prompt(template: ChatTemplate, command: Mapping[str, Any]) -> list[int]:
    """Render {"messages", "tools"?, "call_format"?} to token ids. Raises EngineError tools_unsupported."""
    messages, tools = command["messages"], command.get("tools")
    if tools:
        if template.render(messages, tools, True) == template.render(messages, None, True):
            raise EngineError(
                "tools_unsupported", "the model's chat template does not render tools", remedy=NO_TOOLS_REMEDY
            )
        if command.get("call_format") and not _writes_hermes(template, tools):
            detail = "the model's chat template does not write tool calls as <tool_call>{json}</tool_call>"
            raise EngineError("tools_unsupported", detail, remedy=NO_HERMES_REMEDY)
    return template.prompt_ids(messages, tools)


def _writes_hermes(template: ChatTemplate, tools: Sequence[Mapping[str, Any]]) -> bool:
    """Whether the Hermes parser reads back a call that the template has rendered."""
    call = {"type": "function", "function": {"name": "probe", "arguments": {"number": 1}}}
    question = {"role": "user", "content": "?"}
    try:
        text = template.render([question, {"role": "assistant", "content": "", "tool_calls": [call]}], tools)
    except EngineError:
        return False
    _, calls = HermesToolParser().parse(text, True)
    return [(found.name, found.arguments) for found in calls] == [("probe", '{"number": 1}')]
