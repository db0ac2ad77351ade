"""Conversations without the template are what the template writes; templates that read what is said are always run."""

from __future__ import annotations

from itertools import chain
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

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
    """A template like ChatML that puts out this for a message `m`."""
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


def carefully(source: str) -> ChatTemplate:
    """The template is run for every row."""
    template = with_template(source)
    template._cache = TemplateCache(lambda _: None)
    return template


def row_of(*said: str) -> dict[str, Any]:
    return {"messages": [{"role": role, "content": text} for role, text in zip(said[::2], said[1::2], strict=True)]}


QUICK = {name: (with_template(source), carefully(source)) for name, source in COPYING.items()}
ROLES = st.sampled_from([("user", "assistant"), ("system", "user", "assistant"), ("user", "assistant") * 2, ("user",)])
SAID = st.text(max_size=12) | st.sampled_from([" a\n", "b<|im_end|>", "é ", "\ue0000\ue001", "<|im_start|>assistant\n"])


@pytest.mark.parametrize("name", QUICK)
@settings(max_examples=60)
@given(roles=ROLES, said=st.lists(SAID, min_size=4, max_size=4))
def test_the_text_is_that_of_the_template(name: str, roles: tuple[str, ...], said: list[str]) -> None:
    quick, careful = QUICK[name]
    row = row_of(*chain.from_iterable(zip(roles, said, strict=False)))
    assert quick.render_samples(row) == careful.render_samples(row)


@pytest.mark.parametrize("name", QUICK)
def test_a_template_that_copies_is_run_once(name: str) -> None:
    row = row_of("system", "Be brief. ", "user", "naïve?", "assistant", "Yes.", "user", "So?", "assistant", "Go.")
    assert QUICK[name][0]._cache.get(row) == QUICK[name][1].render_samples(row)[0]


@pytest.mark.parametrize("name", EXPRESSIONS)
def test_a_template_that_reads_is_run_for_every_row(name: str) -> None:
    template, row = with_template(reading(EXPRESSIONS[name])), row_of("user", "a", "assistant", "a")
    assert template._cache.get(row) is None


@pytest.mark.parametrize(
    "extra", [{"name": "x"}, {"tool_calls": [{"function": {"name": "f", "arguments": {}}}]}, {"content": " "}]
)
def test_more_than_plain_messages_is_left_to_the_template(extra: dict[str, Any]) -> None:
    row = row_of("user", "a", "assistant", "b")
    row["messages"][1] |= extra
    assert QUICK["chatml"][0]._cache.get(row) is None
    assert QUICK["chatml"][0]._cache.get({**row_of("user", "a", "assistant", "b"), "tools": [{}]}) is None
