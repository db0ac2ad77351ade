"""Rows are packed unless buckets of like lengths are less work, as far as their lengths tell."""

from __future__ import annotations

import pytest

from services.training.engine.data.packing import why_this_layout, work
from services.training.engine.spec import Hyperparameters
from services.training.layouts import Layout

ASKED = Hyperparameters(max_steps=3, batch_size=4, learning_rate=1e-3)


@pytest.mark.parametrize(
    ("lengths", "better"),
    [
        ([64] * 12, "padded"),
        ([128] * 12, "packed"),
        ([60, 64] * 6, "packed"),
        ([20, 400, 90] * 4, "packed"),
        ([512] * 12, "packed"),
    ],
)
def test_the_layout_with_less_work_is_chosen(lengths: list[int], better: Layout) -> None:
    assert work(lengths, ASKED, 2048).better == better


def test_padding_is_counted_by_micro_batch() -> None:
    lengths = [40, 20, 10, 10]
    once = ASKED.model_copy(update={"max_steps": 1})
    assert [work(lengths, once, budget).padding for budget in (160, 80, 30)] == [80, 20, 0]


def test_the_log_says_which_and_why() -> None:
    uneven, even = work([20, 400, 90] * 4, ASKED, 2048), work([64] * 12, ASKED, 2048)
    assert "packed micro-batches: an estimated" in why_this_layout("packed", uneven)
    assert "0% padding: an estimated 4% less work than packed" in why_this_layout("padded", even)
    assert "would see each other" in why_this_layout("padded", uneven)
