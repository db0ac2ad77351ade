"""Rows are packed unless padded micro-batches of similar lengths cost less."""

from __future__ import annotations

import pytest

from services.training.engine.data.batches import first_steps_costs
from services.training.engine.data.packing import LayoutCosts, describe_layout
from services.training.engine.spec import BatchLayout, Hyperparameters

SETTINGS = Hyperparameters(max_steps=3, batch_size=4, learning_rate=1e-3)


@pytest.mark.parametrize(
    ("lengths", "cheaper"),
    [
        ([64] * 12, "padded"),
        ([128] * 12, "packed"),
        ([60, 64] * 6, "packed"),
        ([20, 400, 90] * 4, "packed"),
        ([512] * 12, "packed"),
    ],
)
def test_cheaper_layout_is_chosen(lengths: list[int], cheaper: BatchLayout) -> None:
    assert first_steps_costs(lengths, SETTINGS, 2048).cheaper == cheaper


def test_padding_is_counted_per_micro_batch() -> None:
    lengths = [40, 20, 10, 10]
    one_step = SETTINGS.model_copy(update={"max_steps": 1})
    assert [first_steps_costs(lengths, one_step, budget).padding for budget in (160, 80, 30)] == [80, 20, 0]


def test_log_line_names_layout_and_reason() -> None:
    uneven, even = first_steps_costs([20, 400, 90] * 4, SETTINGS, 2048), first_steps_costs([64] * 12, SETTINGS, 2048)
    assert "packed micro-batches: an estimated" in describe_layout("packed", uneven)
    assert "0% padding: an estimated 4% less work than packed" in describe_layout("padded", even)
    assert "cannot keep packed documents separate" in describe_layout("padded", uneven)
    assert describe_layout("padded", uneven, may_pack=False).endswith("gpu_kernels is off")


def test_shares_are_those_of_the_padded_layout() -> None:
    costs = LayoutCosts(tokens=80, padding=20, packed=60.0, padded=100.0)
    assert costs.padding_share == 0.2
    assert LayoutCosts(0, 0, 0.0, 0.0).padding_share == 0
    expected = "packed micro-batches: an estimated 40% less work than padded ones with 20% padding"
    assert describe_layout("packed", costs) == expected


def test_layouts_of_equal_cost_are_packed() -> None:
    assert LayoutCosts(tokens=80, padding=0, packed=80.0, padded=80.0).cheaper == "packed"
