"""Renders chat prompts, and refuses what the model's chat template would not show: nothing is left out in silence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from services.inference.openai.messages import REASONING_FIELDS
from services.inference.openai.tool_calls import HermesToolParser
from shared.engine.process.protocol import EngineError
from shared.engine.text.template import ChatTemplate
from shared.row_features import IN_WORDS

NO_TOOLS_REMEDY = (
    "describe the tools and the format of a call in the messages, or use a model whose chat template renders tools"
)
NO_HERMES_REMEDY = "use vLLM with tool_choice required or a named function"
OTHER_MODEL_REMEDY = "leave it out, write it as text elsewhere, or choose a model whose chat template shows it"
REASONING = frozenset(REASONING_FIELDS)
CHECKED_APART = frozenset(("tools", "template_kwargs"))
MESSAGE_FIELDS = frozenset(("role", "content", "name", "tool_calls", "tool_call_id", "reasoning_content"))
"""Fields that every conversation may have; a template need not read the names and ids."""
QUESTION = {"role": "user", "content": "?"}
Message = Mapping[str, Any]


def chat_prompt(template: ChatTemplate, command: Mapping[str, Any]) -> list[int]:
    """Render {"messages", "tools"?, "chat_template_kwargs"?, "call_format"?} to token ids.

    Raises EngineError tools_unsupported, option_unsupported, and template_unsupported for messages that the template
    does not show.
    """
    messages, tools, options = command["messages"], command.get("tools"), command.get("chat_template_kwargs")
    _require_tools(template, messages, tools, command.get("call_format"))
    _require_options(template, options or {})
    _require_read_fields(template, messages)
    try:
        ids = template.prompt_ids(messages, tools, options)
    except EngineError:  # its own reason often names the symptom: roles that do not alternate, for tool results
        _require_features(template, messages, tools)
        raise
    _require_shown(template, messages, tools, options)
    return ids


def _require_tools(
    template: ChatTemplate, messages: Sequence[Message], tools: Sequence[Message] | None, call_format: str | None
) -> None:
    if not tools:
        return
    if template.render(messages, tools, True) == template.render(messages, None, True):
        detail = "the model's chat template does not render tools"
        raise EngineError("tools_unsupported", detail, field="tools", remedy=NO_TOOLS_REMEDY)
    if call_format and not _writes_hermes(template, tools):
        detail = "the model's chat template does not write tool calls as <tool_call>{json}</tool_call>"
        raise EngineError("tools_unsupported", detail, field="tools", remedy=NO_HERMES_REMEDY)


def _require_options(template: ChatTemplate, options: Mapping[str, Any]) -> None:
    for name in options.keys() - template.options:
        field = name if name == "reasoning_effort" else f"chat_template_kwargs.{name}"
        known = sorted(template.options)
        raise EngineError(
            "option_unsupported",
            f"the model's chat template does not read {name}",
            field=field,
            limit=known,
            remedy=f"remove {name}" + (f", or use one of {', '.join(known)}" if known else ""),
        )


def _require_read_fields(template: ChatTemplate, messages: Sequence[Message]) -> None:
    for index, message in enumerate(messages):
        if unread := sorted(message.keys() - MESSAGE_FIELDS - template.message_fields):
            detail = f"the model's chat template does not read {unread[0]} of a message"
            remedy = f"remove {unread[0]}, or write it into content"
            raise EngineError("template_unsupported", detail, field=f"messages.{index}.{unread[0]}", remedy=remedy)


def _require_shown(
    template: ChatTemplate,
    messages: Sequence[Message],
    tools: Sequence[Message] | None,
    options: Mapping[str, Any] | None,
) -> None:
    """Refuse what the template leaves out, such as a second system message, or the second of two calls.

    The template is tried with a word of its own for each text. What an assistant thought, or wrote beside its calls,
    before the last question is the template's affair: many drop it from the history.
    """
    try:
        text = template.render([_marked(*numbered) for numbered in enumerate(messages)], tools, True, options)
    except EngineError:  # it reads the texts, so that a word does not stand for them
        _require_features(template, messages, tools)
        return
    last_question = max((index for index, message in enumerate(messages) if message["role"] == "user"), default=-1)
    for index, message in enumerate(messages):
        is_history = message["role"] == "assistant" and index < last_question
        if is_history and message.get("reasoning_content") and not template.message_fields & REASONING:
            _require_features(template, [QUESTION, message], None)
        for what, word in _words(index, message):
            if word not in text and not (is_history and what != "tool calls"):
                role = message["role"]
                raise EngineError(
                    "template_unsupported",
                    f"the model's chat template does not show the {what} of this {role} message (number {index})",
                    field=f"messages.{index}",
                    remedy=OTHER_MODEL_REMEDY,
                )


def _require_features(template: ChatTemplate, messages: Sequence[Message], tools: Sequence[Message] | None) -> None:
    missing = template.missing_features({"messages": messages, "tools": tools}) - CHECKED_APART
    if missing:
        detail = f"the model's chat template does not show {' and '.join(IN_WORDS[name] for name in sorted(missing))}"
        raise EngineError("template_unsupported", detail, remedy=OTHER_MODEL_REMEDY)


def _words(index: int, message: Message) -> list[tuple[str, str]]:
    """What a message has that must be shown, each with a word that stands for it."""
    texts = [what for what, key in (("content", "content"), ("reasoning", "reasoning_content")) if _text(message, key)]
    calls = [("tool calls", f"word{index}call{number}end") for number, _ in enumerate(message.get("tool_calls") or ())]
    return [(what, f"word{index}{what}") for what in texts] + calls


def _marked(index: int, message: Message) -> dict[str, Any]:
    """The message with those words."""
    words = dict(_words(index, message))
    marked: dict[str, Any] = {"content": words.get("content", message["content"])}
    if "reasoning" in words:
        marked["reasoning_content"] = words["reasoning"]
    if calls := message.get("tool_calls"):
        marked["tool_calls"] = [
            {**call, "function": {**call["function"], "arguments": {"word": f"word{index}call{number}end"}}}
            for number, call in enumerate(calls)
        ]
    return {**message, **marked}


def _text(message: Message, key: str) -> str:
    return str(message.get(key) or "").strip()


def _writes_hermes(template: ChatTemplate, tools: Sequence[Mapping[str, Any]]) -> bool:
    """Whether the Hermes parser reads back a call that the template has rendered."""
    call = {"type": "function", "function": {"name": "probe", "arguments": {"number": 1}}}
    try:
        text = template.render([QUESTION, {"role": "assistant", "content": "", "tool_calls": [call]}], tools)
    except EngineError:
        return False
    _, calls = HermesToolParser().parse(text, True)
    return [(found.name, found.arguments) for found in calls] == [("probe", '{"number": 1}')]
