"""Chat templates as text: transformers' sandboxed Jinja with limits, a fixed date, and two default templates."""

from __future__ import annotations

import json
import re
import time
from collections import deque
from collections.abc import Mapping, Sequence
from copy import copy
from datetime import datetime
from functools import cached_property
from itertools import product
from typing import Any

import jinja2
import jinja2.meta
from jinja2 import nodes

from shared.engine.loading.transformers_private import chat_template_environment
from shared.engine.process.protocol import EngineError
from shared.engine.text import render_limits
from shared.engine.text.render_limits import LimitReached, limit_products, limited
from shared.engine.text.template_cache import compile_for_opaque_contents

TEMPLATE_REMEDY = "Set another chat template in the model's tokenizer."
MAX_SOURCE = 256 << 10
"""Characters in a template."""

MAX_OVERRUNS, OVERRUN_WINDOW_S = 3, 60.0
"""Renderings that may reach a limit in this time before a template's conversations are refused at once."""
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


OWN_FIELDS = frozenset(("train", "untrained"))
"""Fields of a message that say what is trained on; no template sees them."""
_REASONING_FIELDS = ("reasoning_content", "thinking", "reasoning")
"""Names under which templates read an answer's reasoning."""
_OPENED_TAG = re.compile(r"<(\w+)>\s*\Z")
_ANSWER = "\ufdd1answer\ufdd1"
"""Stands for a content whose position is looked for: no template writes these noncharacters by itself."""
_HEADER_FIELDS = frozenset(("role", "name", "tool_call_id"))
_CONTEXT = frozenset(("messages", "tools", "documents", "add_generation_prompt", "strftime_now"))
_DEFAULT_TESTS = ("defined", "undefined", "default")
_REFUSALS = (jinja2.TemplateError, TypeError, ValueError, LookupError, AttributeError, ArithmeticError, RecursionError)


class Renderer:
    """A compiled template with the special tokens that it may name."""

    def __init__(self, source: str, special_tokens: Mapping[str, Any]) -> None:
        if len(source) > MAX_SOURCE:
            raise EngineError("template_too_large", "the chat template is too large", limit=MAX_SOURCE)
        try:
            with limited(render_limits.COMPILE_CPU_S):
                environment = limit_products(chat_template_environment())
                tree = environment.parse(source)
                _refuse_chance(tree)
                self._template = environment.from_string(source)
                self.options = _options(tree)
                """Variables of the template that `chat_template_kwargs` may set."""
        except (jinja2.TemplateError, LimitReached, RecursionError) as error:
            detail = f"the chat template does not compile: {error}"
            raise EngineError("template_refused", detail, remedy=TEMPLATE_REMEDY) from error
        self._overruns: deque[tuple[float, LimitReached]] = deque(maxlen=MAX_OVERRUNS)
        self._source, self._special_tokens = source, special_tokens
        self.read_names = frozenset(re.findall(r"""(?:\.(?!get\()|\[['"]|\.get\(['"])(\w+)""", source))
        """Names that the template reads of messages and other objects."""

    def for_opaque_contents(self) -> Renderer | None:
        """The same template for opaque contents (template_cache.py); it raises ContentRead where it reads one."""
        try:
            with limited(render_limits.COMPILE_CPU_S):
                template = compile_for_opaque_contents(self._template.environment, self._source)
        except LimitReached:
            return None
        if template is None:
            return None
        renderer = copy(self)
        renderer._template = template
        return renderer

    def render(
        self,
        messages: Sequence[Mapping[str, Any]],
        tools: Sequence[Mapping[str, Any]] | None,
        prompt: bool,
        options: Mapping[str, Any] | None = None,
    ) -> str:
        """Render the conversation as text, followed by the assistant's generation prompt if `prompt`.

        `options` set variables of the template, such as `enable_thinking`.
        """
        shown = [self._shown_message(message) for message in messages]
        if self._contents_are_parts:
            shown = [{**message, "content": _as_parts(message["content"])} for message in shown]
        return self._render(shown, tools, prompt, options)

    def _render(
        self,
        messages: Sequence[Mapping[str, Any]],
        tools: Sequence[Mapping[str, Any]] | None,
        prompt: bool,
        options: Mapping[str, Any] | None = None,
    ) -> str:
        context = {
            "documents": None,
            "strftime_now": _TODAY.strftime,
            **(options or {}),
            **self._special_tokens,
            "messages": messages,
            "tools": tools or None,
            "add_generation_prompt": prompt,
        }
        if len(self._overruns) == MAX_OVERRUNS and time.monotonic() - self._overruns[0][0] < OVERRUN_WINDOW_S:
            detail = f"the chat template does not end: {self._overruns[-1][1]}; it is not rendered for a minute"
            raise EngineError("template_refused", detail, remedy=TEMPLATE_REMEDY)
        try:
            with limited(render_limits.CPU_S):
                return self._render_limited(context)
        except LimitReached as error:
            self._overruns.append((time.monotonic(), error))
            detail = f"the chat template does not end: {error}"
            raise EngineError("template_refused", detail, remedy=TEMPLATE_REMEDY) from error
        except _REFUSALS as error:
            raise EngineError("template_refused", f"the chat template refuses this conversation: {error}") from error

    def _shown_message(self, message: Mapping[str, Any]) -> dict[str, Any]:
        """The message as the template reads it."""
        shown = {name: value for name, value in message.items() if name not in OWN_FIELDS}
        if _REASONING_FIELDS[0] in shown and self._reasoning_field != _REASONING_FIELDS[0]:
            shown[self._reasoning_field] = shown.pop(_REASONING_FIELDS[0])
        calls = shown.pop("tool_calls", None)
        if not calls:
            return {**shown, "content": ""} if shown.get("content") is None else shown
        arguments_are_text, content_is_null = self._call_form
        if shown.get("content") in (None, ""):
            shown["content"] = None if content_is_null else ""
        try:
            return {**shown, "tool_calls": [_convert_call(call, arguments_are_text) for call in calls]}
        except ValueError as error:
            detail = f"the arguments of a tool call are not JSON: {error}"
            raise EngineError("template_refused", detail) from error

    @cached_property
    def _contents_are_parts(self) -> bool:
        """Whether the template shows a content only as a list of parts, as those of some models for images do."""
        text = "anneal_text"
        for content in (text, _as_parts(text)):
            try:
                shown = self._render(
                    [{"role": role, "content": content} for role in ("user", "assistant")], None, False
                )
            except EngineError:
                continue
            if text in shown:
                return content is not text
        return False

    @cached_property
    def _reasoning_field(self) -> str:
        """The field from which the template reads the reasoning of an answer, or of one with a tool call."""
        asked, reasoning = {"role": "user", "content": "?"}, "anneal_reasoning"
        for name, calls in product(_REASONING_FIELDS, ([], [_PROBE_CALL])):
            answer = {"role": "assistant", "content": "?", "tool_calls": calls}
            try:
                text = self._render([asked, {**self._shown_message(answer), name: reasoning}], None, False)
            except EngineError:
                continue
            if reasoning in text:
                return name
        return _REASONING_FIELDS[0]

    @cached_property
    def _call_form(self) -> tuple[bool, bool]:
        """How the template reads a message with tool calls: arguments as JSON text, and no content as null.

        Templates differ: most write an object with `tojson`, some append the JSON text that OpenAI's format has.
        """
        for as_text, content in ((False, None), (False, ""), (True, None), (True, "")):
            call = _convert_call(_PROBE_CALL, as_text)
            calling = {"role": "assistant", "content": content, "tool_calls": [call]}
            try:
                text = self._render([{"role": "user", "content": "?"}, calling], None, False)
            except EngineError:
                continue
            # Python's notation of an object, escaped JSON, or the word None are not what a template means.
            misread = "{'a'" in text or '\\"a' in text or ("None" in text and "None" not in self._source)
            if _PROBE_CALL["function"]["name"] in text and not misread:
                return as_text, content is None
        return False, False

    def _render_limited(self, context: dict[str, Any]) -> str:
        pieces, size = [], 0
        for piece in self._template.generate(context):
            pieces.append(piece)
            size += len(piece)
            if size > MAX_RENDERED:
                raise EngineError("conversation_too_large", "the rendered conversation is too long", limit=MAX_RENDERED)
        return "".join(pieces)


def _refuse_chance(tree: nodes.Template) -> None:
    """Raise TemplateError for random choices, also where the template rarely comes (render_limits.py removes them)."""
    named = {node.name for node in tree.find_all(nodes.Filter)} | {node.name for node in tree.find_all(nodes.Name)}
    if found := sorted(named & render_limits.CHANCE):
        raise jinja2.TemplateError(f"{found[0]} gives another text at each rendering")


def _options(tree: nodes.Template) -> frozenset[str]:
    """The variables that a template reads from outside: never assigned, or first asked whether they are defined."""
    assigned = {name.name for name in tree.find_all(nodes.Name) if name.ctx == "store"}
    asked = [test for test in tree.find_all((nodes.Test, nodes.Filter)) if test.name in _DEFAULT_TESTS]
    asked_names = {test.node.name for test in asked if isinstance(test.node, nodes.Name)}
    free = jinja2.meta.find_undeclared_variables(tree) - _CONTEXT - (assigned - asked_names)
    return frozenset(name for name in free if not name.endswith("_token"))


class Conversation:
    """The renderings of one conversation and of its beginnings, each rendered once."""

    def __init__(
        self,
        renderer: Renderer,
        messages: Sequence[Mapping[str, Any]],
        tools: Sequence[Mapping[str, Any]] | None,
        options: Mapping[str, Any] | None = None,
    ) -> None:
        self.messages, self.tools, self.options = messages, tools, options
        self._renderer = renderer
        self._texts: dict[tuple[int, bool], str] = {}

    @property
    def text(self) -> str:
        """All messages."""
        return self.up_to(len(self.messages))

    @cached_property
    def text_as_served(self) -> str:
        """All messages, with the last turn directly after the generation prompt that serving sends.

        Some templates end the generation prompt with text that a finished turn does not keep ("<think>\\n"). Without
        it, the model would be served a prompt that it never saw in training. An opened tag is closed after the turn's
        reasoning, which may be empty.
        """
        text, last = self.text, len(self.messages) - 1
        prompt = self.prompt(last)
        if text.startswith(prompt):
            return text
        header = self.header(last)
        shared = _shared_start(prompt, header, text)
        if len(shared) < len(self.up_to(last).rstrip()):  # history is shown differently: take only the last turn
            return prompt + self._last_turn(header)
        answer = text[len(shared) :]
        if opened := _OPENED_TAG.search(prompt[len(shared) :]):
            closing = f"</{opened[1]}>"
            gap = "" if answer.startswith("\n\n") else "\n\n"
            return f"{prompt}{_reasoning(self.messages[last], closing)}\n{closing}{gap}{answer}"
        return prompt + answer

    def _last_turn(self, header: str) -> str:
        """The last turn without what is part of its prompt; `header` is the text before its content."""
        last = len(self.messages) - 1
        before = [*self.messages[: last - 1], *map(_with_unknown_content, self.messages[last - 1 : last])]
        after_previous = self._render_messages(before, prompt=True).rpartition(_ANSWER)[2]
        both = self._render_messages([*before, _with_unknown_content(self.messages[last])])
        between = both.rpartition(_ANSWER)[0].rpartition(_ANSWER)[2]
        begin = len(header) - len(between) + len(after_previous)
        if not (between.startswith(after_previous) and self.text.startswith(header[:begin])):
            raise EngineError(
                "template_unsupported",
                "the chat template changes the conversation before an answer once the answer is there",
                remedy="set another chat template in the model's tokenizer",
            )
        return self.text[begin:]

    def up_to(self, count: int) -> str:
        """The first `count` messages."""
        return self._render(count, False)

    def prompt(self, count: int) -> str:
        """The first `count` messages and the generation prompt.

        Some templates render a conversation that begins with an assistant turn, but not what is before that turn;
        its prompt is then the text before its content.
        """
        try:
            return self._render(count, True)
        except EngineError:
            if count == len(self.messages) or not self.is_opening(count):
                raise
            self._check_role_is_shown(count)
            self._texts[count, True] = self.header(count)
            return self._texts[count, True]

    def renders(self, count: int) -> bool:
        """Whether the template accepts the first `count` messages; some need a user turn among them."""
        try:
            self.up_to(count)
        except EngineError:
            return False
        return True

    def is_opening(self, count: int) -> bool:
        """Whether no user turn is among the first `count` messages."""
        return all(message["role"] != "user" for message in self.messages[:count])

    def header(self, turn: int) -> str:
        """What the template writes before the content of a turn."""
        return self._render_with(turn, _with_unknown_content(self.messages[turn])).partition(_ANSWER)[0]

    def _check_role_is_shown(self, turn: int) -> None:
        """Raise EngineError for a template that takes any first turn for the user's, such as Llama 3.1's with tools."""
        if self._render_with(turn, {**self.messages[turn], "role": "user"}) == self.text:
            raise EngineError(
                "template_unsupported",
                "the chat template shows the assistant's first turn as one of the user",
                remedy="begin the conversation with a user turn",
            )

    def _render_with(self, turn: int, message: Mapping[str, Any]) -> str:
        return self._render_messages([*self.messages[:turn], message, *self.messages[turn + 1 :]])

    def _render_messages(self, messages: Sequence[Mapping[str, Any]], *, prompt: bool = False) -> str:
        return self._renderer.render(messages, self.tools, prompt, self.options)

    def _render(self, count: int, prompt: bool) -> str:
        if (count, prompt) not in self._texts:
            self._texts[count, prompt] = self._render_messages(self.messages[:count], prompt=prompt)
        return self._texts[count, prompt]


def _as_parts(content: Any) -> list[dict[str, Any]]:
    return [{"type": "text", "text": content}] if content is not None else []


def _with_unknown_content(message: Mapping[str, Any]) -> dict[str, Any]:
    """The message with a content that can be found in the rendered text, and without calls and reasoning."""
    return {**{name: value for name, value in message.items() if name in _HEADER_FIELDS}, "content": _ANSWER}


def _shared_start(*texts: str) -> str:
    """The common start of texts, which does not end within a tag or a special token."""
    count = next((i for i, letters in enumerate(zip(*texts, strict=False)) if len(set(letters)) > 1), None)
    shared = texts[0][: min(map(len, texts)) if count is None else count]
    return shared[: shared.rfind("<")] if shared.rfind("<") > shared.rfind(">") else shared


def _reasoning(message: Mapping[str, Any], closing: str) -> str:
    """The reasoning of an answer: of its own field, or from its content up to the closing tag."""
    if reasoning := message.get(_REASONING_FIELDS[0]):
        return str(reasoning).strip("\n")
    before, found, _ = str(message.get("content") or "").partition(closing)
    return before.removeprefix(closing.replace("/", "")).strip("\n") if found else ""


_PROBE_CALL: dict[str, Any] = {
    "type": "function",
    "id": "call00000",
    "function": {"name": "anneal_probe", "arguments": {"a": "b"}},
}


def _convert_call(call: Mapping[str, Any], as_text: bool) -> dict[str, Any]:
    """The call with its arguments as an object, or as JSON text. Raises ValueError for arguments that are not JSON."""
    function = call.get("function", call)
    arguments = function.get("arguments")
    if arguments is None:
        return dict(call)
    if isinstance(arguments, str) and not as_text:
        arguments = json.loads(arguments)
    elif as_text and not isinstance(arguments, str):
        arguments = json.dumps(arguments, ensure_ascii=False)
    converted = {**function, "arguments": arguments}
    return {**call, "function": converted} if "function" in call else converted
