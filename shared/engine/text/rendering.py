"""Chat templates as text: transformers' sandboxed Jinja with limits, a fixed date, and two default templates."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from copy import copy
from datetime import datetime
from functools import cached_property
from itertools import zip_longest
from typing import Any

import jinja2

from shared.engine.loading.transformers_private import compile_chat_template
from shared.engine.process.protocol import EngineError
from shared.engine.text.template_cache import compile_for_opaque_contents

MAX_SOURCE = 256 << 10
"""Characters in a template."""

MAX_RENDERED = 16 << 20
"""Characters in a rendered conversation. A template may loop, so its output is counted while it is rendered."""

CHATML = """\
{%- for message in messages -%}
{{ '<|im_start|>' + message.role + '\\n' + (message.content or '') + '<|im_end|>' + '\\n' }}
{%- endfor -%}
{%- if add_generation_prompt -%}{{ '<|im_start|>assistant\\n' }}{%- endif -%}"""

PLAIN = """\
{%- for message in messages -%}
{{ message.role | capitalize + ':\\n' + (message.content or '') | trim }}
{%- if message.role == 'assistant' %}{{ eos_token }}{% endif %}{{ '\\n\\n' }}
{%- endfor -%}
{%- if add_generation_prompt -%}{{ 'Assistant:\\n' }}{%- endif -%}"""

_TODAY = datetime(2024, 7, 26)
"""The date that every template gets, so that a model is served with the prompt it was trained on. It is the default
in Llama 3's template."""


class Renderer:
    """A compiled template with the special tokens that it may name."""

    def __init__(self, source: str, special_tokens: Mapping[str, Any]) -> None:
        if len(source) > MAX_SOURCE:
            raise EngineError("template_too_large", "the chat template is too large", limit=MAX_SOURCE)
        try:
            self._template = compile_chat_template(source)
        except jinja2.TemplateError as error:
            raise EngineError("template_refused", f"the chat template does not compile: {error}") from error
        self._source, self._special_tokens = source, special_tokens

    def for_opaque_contents(self) -> Renderer | None:
        """The same template for opaque contents (template_cache.py); it raises ContentRead where it reads one."""
        template = compile_for_opaque_contents(self._template.environment, self._source)
        if template is None:
            return None
        renderer = copy(self)
        renderer._template = template
        return renderer

    def render(
        self, messages: Sequence[Mapping[str, Any]], tools: Sequence[Mapping[str, Any]] | None, prompt: bool
    ) -> str:
        """Render the conversation as text, followed by the assistant's generation prompt if `prompt`."""
        try:
            return self._render_limited(self._context(messages, tools, prompt))
        except (jinja2.TemplateError, TypeError, ValueError, KeyError, OverflowError) as error:
            raise EngineError("template_refused", f"the chat template refuses this conversation: {error}") from error

    def _context(
        self, messages: Sequence[Mapping[str, Any]], tools: Sequence[Mapping[str, Any]] | None, prompt: bool
    ) -> dict[str, Any]:
        return {
            **self._special_tokens,
            "messages": [_with_parsed_calls(message) for message in messages],
            "tools": tools or None,
            "documents": None,
            "add_generation_prompt": prompt,
            "strftime_now": _TODAY.strftime,
        }

    def _render_limited(self, context: dict[str, Any]) -> str:
        pieces, size = [], 0
        for piece in self._template.generate(context):
            pieces.append(piece)
            size += len(piece)
            if size > MAX_RENDERED:
                raise EngineError("conversation_too_large", "the rendered conversation is too long", limit=MAX_RENDERED)
        return "".join(pieces)


class Conversation:
    """The renderings of one conversation and of its beginnings, each rendered once."""

    def __init__(
        self, renderer: Renderer, messages: Sequence[Mapping[str, Any]], tools: Sequence[Mapping[str, Any]] | None
    ) -> None:
        self.messages, self.tools = messages, tools
        self._renderer = renderer
        self._texts: dict[tuple[int, bool], str] = {}

    @property
    def text(self) -> str:
        """All messages."""
        return self.up_to(len(self.messages))

    @cached_property
    def text_as_served(self) -> str:
        """All messages, with the last turn directly after the generation prompt that serving sends.

        Some templates end the generation prompt with text that a finished turn does not keep ("<think>\\n").
        Without it, the model would be served a prompt that it never saw in training.
        """
        text, before = self.text, len(self.messages) - 1
        prompt = self.prompt(before)
        if text.startswith(prompt):
            return text
        shared = next(i for i, pair in enumerate(zip_longest(prompt, text)) if pair[0] != pair[1])
        if shared < len(self.up_to(before).rstrip()):
            raise EngineError(
                "template_unsupported",
                "the chat template changes the conversation before an answer once the answer is there",
                remedy="set another chat template in the model's tokenizer",
            )
        return prompt + text[shared:]

    def up_to(self, count: int) -> str:
        """The first `count` messages."""
        return self._render(count, False)

    def prompt(self, count: int) -> str:
        """The first `count` messages and the generation prompt."""
        return self._render(count, True)

    def _render(self, count: int, prompt: bool) -> str:
        if (count, prompt) not in self._texts:
            self._texts[count, prompt] = self._renderer.render(self.messages[:count], self.tools, prompt)
        return self._texts[count, prompt]


def _with_parsed_calls(message: Mapping[str, Any]) -> dict[str, Any]:
    """The message with tool call arguments as objects, which templates expect. OpenAI's format has them as JSON."""
    calls = [_parse_call(call) for call in message.get("tool_calls") or ()]
    return {**message, "tool_calls": calls} if calls else dict(message)


def _parse_call(call: Mapping[str, Any]) -> dict[str, Any]:
    function = call.get("function", call)
    if not isinstance(function.get("arguments"), str):
        return dict(call)
    parsed = {**function, "arguments": json.loads(function["arguments"])}
    return {**call, "function": parsed} if "function" in call else parsed
