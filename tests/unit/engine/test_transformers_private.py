"""Fails when transformers moves a private API that is used here, or changes what it means."""

from __future__ import annotations

import re
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from jinja2.sandbox import ImmutableSandboxedEnvironment
from transformers import AttentionInterface
from transformers.integrations.sdpa_attention import sdpa_attention_forward

from shared.engine.loading.load import load_model
from shared.engine.loading.transformers_private import (
    attention_implementation,
    attention_implementation_set,
    chat_template_environment,
)
from tests.support.tiny_model import HERMES, make_tiny_tokenizer

ROOT = Path(__file__).parents[3]
PRIVATE = re.compile(r"from transformers\S* import .*\b_\w|\._(attn_implementation|model_mapping)\b")
LOOP = "{% for m in messages %}\n  {%- if 1 %}{{ m | tojson }}{% endif %}\n{% endfor %}"
MESSAGES = [{"role": "user", "content": "Hello?"}, {"role": "assistant", "content": "Hi. "}]
TOOLS = [{"type": "function", "function": {"name": "weather", "parameters": {"a": "<&>é"}}}]


def test_private_apis_are_used_in_one_file() -> None:
    found = {
        str(path.relative_to(ROOT))
        for folder in ("services", "shared", "tools")
        for path in (ROOT / folder).rglob("*.py")
        if PRIVATE.search(path.read_text("utf-8"))
    }
    assert found == {"shared/engine/loading/transformers_private.py"}


@pytest.mark.parametrize("source", [HERMES, LOOP])
def test_compiled_template_renders_as_apply_chat_template(source: str) -> None:
    tokenizer = make_tiny_tokenizer()
    rendered = (
        chat_template_environment()
        .from_string(source)
        .render(
            messages=MESSAGES, tools=TOOLS, documents=None, add_generation_prompt=True, **tokenizer.special_tokens_map
        )
    )
    assert rendered == tokenizer.apply_chat_template(
        MESSAGES, TOOLS, chat_template=source, add_generation_prompt=True, tokenize=False
    )


def test_compiled_template_is_sandboxed_and_takes_a_date() -> None:
    template = chat_template_environment().from_string("{{ strftime_now('%Y') }}")
    assert isinstance(template.environment, ImmutableSandboxedEnvironment)
    assert template.render(strftime_now=datetime(2024, 7, 26).strftime) == "2024"


def test_attention_implementation_is_what_was_set(tiny_ref: dict[str, Any]) -> None:
    model = load_model(tiny_ref, dtype="float32", device="cpu")
    assert attention_implementation(model.config) == "sdpa"
    model.set_attn_implementation("eager")
    assert attention_implementation(model.config) == "eager"


def test_attention_function_is_replaced_within_the_block_only(model: Any) -> None:
    calls: list[Any] = []

    def counting(module: Any, *args: Any, **options: Any) -> Any:
        calls.append(module)
        return sdpa_attention_forward(module, *args, **options)

    AttentionInterface.register("counting", counting)
    with attention_implementation_set(model.config, "counting"):
        model(**model.dummy_inputs)
    assert len(calls) == model.config.num_hidden_layers
    model(**model.dummy_inputs)
    assert len(calls) == model.config.num_hidden_layers
