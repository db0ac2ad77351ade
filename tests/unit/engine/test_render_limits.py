"""Templates that loop, explode or build huge numbers are refused, and what comes after them is served."""

import resource
import signal
from typing import Any

import pytest

from shared.engine.process.protocol import EngineError
from shared.engine.text.rendering import CHATML, MAX_OVERRUNS, Renderer

ASKED = [{"role": "user", "content": "hello"}]
LOOP = "{% for i in range(99999) %}{% for j in range(99999) %}{% endfor %}{% endfor %}"
GROW = "{{% set n = namespace(x={}) %}}{{% for i in range(60) %}}{{% set n.x = {} %}}{{% endfor %}}"
BOMBS = {
    "endless loop": LOOP,
    "endless output": LOOP.replace("{% endfor %}", "aaaaaaaaaaaaaaaaaaaaaaa{% endfor %}"),
    "a text of 2 GB": "{{ messages[0].role * 500000000 }}",
    "a padded text of 2 GB": "{{ messages[0].role | center(2000000000) }}",
    "a constant of 2 GB": "{{ 'abcd' * 500000000 }}",
    "a padded constant of 2 GB": "{{ 'abcd' | center(2000000000) }}",
    "a list of 16 GB": "{{ ([1] * 2000000000) | length }}",
    "a text that doubles": GROW.format("'ab'", "n.x ~ n.x"),
    "a tower of powers": "{{ 9 ** (9 ** 9) }}",
    "a number that squares": GROW.format("9", "n.x * n.x"),
    "a format of 2 GB": "{{ '%2000000000d' % 1 }}",
    "a format filter of 2 GB": "{{ '%2000000000d' | format(1) }}",
    "a macro that calls itself": "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
    "deep parentheses": "{{ " + "(" * 20000 + "1" + ")" * 20000 + " }}",
}


def render(source: str, messages: Any = ASKED) -> str:
    return Renderer(source, {}).render(messages, None, False)


@pytest.mark.parametrize("bomb", BOMBS)
def test_a_bomb_is_refused(bomb: str) -> None:
    with pytest.raises(EngineError) as refused:
        render(BOMBS[bomb])
    assert refused.value.code in ("template_refused", "conversation_too_large")
    assert "hello" in render(CHATML)
    assert resource.getrlimit(resource.RLIMIT_AS)[0] == resource.RLIM_INFINITY
    assert signal.getitimer(signal.ITIMER_VIRTUAL) == (0, 0)


def test_a_template_that_never_ends_is_not_tried_forever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shared.engine.text.render_limits.CPU_S", 0.1)
    renderer = Renderer(CHATML + "{% if messages[0].content == 'LOOP' %}" + LOOP + "{% endif %}", {})
    assert "hello" in renderer.render(ASKED, None, False)
    for _ in range(MAX_OVERRUNS):
        with pytest.raises(EngineError, match="does not end"):
            renderer.render([{"role": "user", "content": "LOOP"}], None, False)
    with pytest.raises(EngineError, match="not rendered for a minute"):
        renderer.render(ASKED, None, False)
    monkeypatch.setattr("shared.engine.text.rendering.OVERRUN_WINDOW_S", 0)
    assert "hello" in renderer.render(ASKED, None, False), "one conversation does not close a model for good"


def test_ordinary_products_are_computed() -> None:
    assert render("{{ 'ab' * 3 }} {{ 3 * 4 }} {{ 2 ** 10 }} {{ 1.5 * 2 }} {{ '%5d' % 7 }} {{ 7 % 4 }}") == (
        "ababab 12 1024 3.0     7 3"
    )
