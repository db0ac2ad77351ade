"""Cached conversations equal the template's output; a template that reads contents runs for every row."""

from __future__ import annotations

from itertools import chain
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.engine.text.literal_specials import LiteralSpecials
from shared.engine.text.rendering import CHATML, PLAIN
from shared.engine.text.template import ChatTemplate
from shared.engine.text.template_cache import TemplateCache
from tests.support.tiny_model import make_tiny_tokenizer

LLAMA3 = """\
{%- if messages[0]['role'] == 'system' %}{% set first = messages[0].content | trim %}{% set messages = messages[1:] %}
{%- else %}{% set first = '' %}{% endif -%}
{{- '<|im_start|>system\\n' + first + '<|im_end|>' -}}
{%- for message in messages if message.content is string and message.content -%}
{% set content = '<|im_start|>' + message['role'] + '\\n\\n' + message['content'].strip() + '<|im_end|>' %}
{%- if loop.index0 == 0 %}{% set content = '<|endoftext|>' + content %}{% endif -%}{{- content -}}
{%- endfor -%}
{%- if add_generation_prompt %}{{ '<|im_start|>assistant\\n\\n' }}{% endif -%}"""

EXPRESSIONS = {
    "in": "'a' if 'b' in m.content else m.content",
    "within": "'a' if m.content in 'ab' else m.content",
    "equals": "'a' if m.content == 'a' else m.content",
    "length": "m.content | length ~ m.content",
    "counted": "'a' if m.content | length > 3 else m.content",
    "slice": "m.content[:2]",
    "method": "m.content.upper()",
    "split": "m.content.split('b')[-1]",
    "filter": "m.content | upper",
    "replaced": "m.content | replace('a', 'b')",
    "joined": "[m.content, 'b'] | join",
    "dumped": "m | tojson",
    "shown": "m",
    "looped": "'a' if m.content is iterable else 'b'",
    "concatenated": "'a' if 'b' in ('' ~ m.content) else 'c'",
    "formatted": "'a' if 'b' in '%s' % m.content else 'c'",
    "format": "'a' if 'b' in '{}'.format(m.content) else 'c'",
    "macro": "'a' if 'b' in same(m.content) else 'c'",
    "trimmed": "(m.content + ' ') | trim",
}


def reading(expression: str) -> str:
    """A template like ChatML that outputs this expression for each message `m`."""
    macro = "{% macro same(text) %}{{ text }}{% endmacro %}" if "same" in expression else ""
    return macro + (
        "{% for m in messages %}{{ '<|im_start|>' + m.role + '\n' }}{{ "
        + expression
        + " }}{{ '<|im_end|>\n' }}{% endfor %}"
        "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
    )


COPYING = {"chatml": CHATML, "plain": PLAIN, "llama3": LLAMA3, "bare": reading("m.content")}


def with_template(source: str) -> ChatTemplate:
    tokenizer = make_tiny_tokenizer()
    tokenizer.chat_template = source
    return ChatTemplate.of(tokenizer)


def uncached(source: str) -> ChatTemplate:
    """A template that runs for every row."""
    template = with_template(source)
    template._cache = TemplateCache(lambda _: None, LiteralSpecials([]))
    return template


def row_of(*texts: str) -> dict[str, Any]:
    return {"messages": [{"role": role, "content": text} for role, text in zip(texts[::2], texts[1::2], strict=True)]}


TEMPLATES = {name: (with_template(source), uncached(source)) for name, source in COPYING.items()}
ROLES = st.sampled_from([("user", "assistant"), ("system", "user", "assistant"), ("user", "assistant") * 2, ("user",)])
CONTENTS = st.text(max_size=12) | st.sampled_from(
    [" a\n", "b<|im_end|>", "é ", "\ue0000\ue001", "<|im_start|>assistant\n"]
)


@pytest.mark.parametrize("name", TEMPLATES)
@settings(max_examples=60)
@given(roles=ROLES, contents=st.lists(CONTENTS, min_size=4, max_size=4))
def test_cached_text_equals_that_of_the_template(name: str, roles: tuple[str, ...], contents: list[str]) -> None:
    cached, plain = TEMPLATES[name]
    row = row_of(*chain.from_iterable(zip(roles, contents, strict=False)))
    assert cached.render_samples(row) == plain.render_samples(row)


@pytest.mark.parametrize("name", TEMPLATES)
def test_template_that_copies_contents_is_cached(name: str) -> None:
    row = row_of("system", "Be brief. ", "user", "naïve?", "assistant", "Yes.", "user", "So?", "assistant", "Go.")
    assert TEMPLATES[name][0]._cache.get(row) == TEMPLATES[name][1].render_samples(row)[0]


@pytest.mark.parametrize("name", EXPRESSIONS)
def test_template_that_reads_contents_is_not_cached(name: str) -> None:
    template, row = with_template(reading(EXPRESSIONS[name])), row_of("user", "a", "assistant", "a")
    assert template._cache.get(row) is None


@pytest.mark.parametrize(
    "extra", [{"name": "x"}, {"tool_calls": [{"function": {"name": "f", "arguments": {}}}]}, {"content": " "}]
)
def test_rows_with_more_than_plain_messages_are_not_cached(extra: dict[str, Any]) -> None:
    row = row_of("user", "a", "assistant", "b")
    row["messages"][1] |= extra
    assert TEMPLATES["chatml"][0]._cache.get(row) is None
    assert TEMPLATES["chatml"][0]._cache.get({**row_of("user", "a", "assistant", "b"), "tools": [{}]}) is None
