"""Rendering equals transformers' on the templates of common models, over generated conversations."""

from __future__ import annotations

import pytest

from tests.support.template_oracle import PAGE, compare, conversation_count, render_page, sources


@pytest.mark.parametrize("name", sources())
def test_template_renders_as_in_transformers(name: str) -> None:
    result = compare(name)
    assert result.mismatches == []
    assert result.outcomes.total() == conversation_count(name)
    assert result.outcomes["Same"] > 0


def test_page_shows_this_comparison() -> None:
    assert PAGE.read_text() == render_page(), "run `make reference`"
