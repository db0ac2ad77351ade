"""Every use of transformers' private API, with the reason. Nothing else in this repository touches one.

tests/unit/engine/test_transformers_private.py fails when transformers moves one of them or changes its meaning.
Imports no torch: services that only render chat templates run without it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from jinja2.sandbox import SandboxedEnvironment
from transformers.utils.chat_template_utils import _compile_jinja_template


def chat_template_environment() -> SandboxedEnvironment:
    """An overlay of transformers' sandboxed Jinja environment for chat templates.

    The public `apply_chat_template` and `render_jinja_template` return the finished text. A compiled template also
    streams its output, so that a template that never ends can be stopped, and has the environment that the template
    cache derives its own from. A copy of that environment here could drift from what other tools render.
    """
    environment = _compile_jinja_template("").environment.overlay()
    assert isinstance(environment, SandboxedEnvironment)
    return environment


def attention_implementation(config: Any) -> str | None:
    """The name of a model's attention function, such as "sdpa".

    `set_attn_implementation` is public, but no getter is.
    """
    name: str | None = config._attn_implementation
    return name


@contextmanager
def attention_implementation_set(config: Any, name: str) -> Iterator[None]:
    """Use another registered attention function within the block.

    The public `set_attn_implementation` visits all submodules, too slow for each decode step, and exists only on
    PreTrainedModel, not on the wrappers (peft, multi-LoRA) that a decode step also runs.
    """
    previous = config._attn_implementation
    config._attn_implementation = name
    try:
        yield
    finally:
        config._attn_implementation = previous
