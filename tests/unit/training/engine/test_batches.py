"""Rows are grouped into steps and micro-batches; the grouping does not change losses or gradients."""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from accelerate import Accelerator
from torch import Tensor
from transformers import (
    GptOssConfig,
    GptOssForCausalLM,
    LlamaConfig,
    LlamaForCausalLM,
    MistralConfig,
    MistralForCausalLM,
)

from services.training.engine.attention.packed import attention_for
from services.training.engine.data.batches import (
    Sample,
    Samples,
    choose_max_length,
    collate,
    epoch_order,
    micro_batches_of,
    step_rows,
)
from services.training.engine.data.packing import micro_batches
from services.training.engine.data.token_store import Table, TableWriter
from services.training.engine.distributed.ranks import Ranks
from services.training.engine.interrupts import Interrupts
from services.training.engine.model.loss import StepLoss, loss_sum
from services.training.engine.model.optimizer import accumulate
from services.training.engine.model.trials import exact_layouts, relative_difference
from services.training.engine.spec import BatchLayout, Settings
from shared.engine.process.protocol import Commands
from shared.engine.text.samples import EncodedSample

SHAPE: dict[str, Any] = {
    "vocab_size": 64,
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 8,
    "initializer_range": 0.2,
    "bos_token_id": None,
    "eos_token_id": 1,
    "pad_token_id": 0,
}


@pytest.fixture(scope="module")
def model() -> LlamaForCausalLM:
    torch.manual_seed(0)
    return LlamaForCausalLM(LlamaConfig(**SHAPE))


def sample(length: int, seed: int) -> Sample:
    """Return a sample of random ids whose second half is trained."""
    ids = torch.randint(2, 64, (length,), generator=torch.Generator().manual_seed(seed))
    return Sample(ids, torch.arange(length) >= length // 2)


SAMPLES = [sample(length, seed) for seed, length in enumerate((17, 5, 30, 9, 2, 12))]


def test_epoch_order_depends_only_on_seed_and_epoch() -> None:
    torch.manual_seed(1)
    first = list(epoch_order(50, 7, 0))
    epoch_order.cache_clear()
    torch.manual_seed(2)
    assert epoch_order(50, 7, 0) == first
    assert sorted(first) == list(range(50))
    assert first not in ([*range(50)], epoch_order(50, 7, 1), epoch_order(50, 8, 0))


def test_each_epoch_uses_each_row_once() -> None:
    steps = [step_rows(23, 5, seed=3, step=step) for step in range(10)]
    assert [len(rows) for rows in steps] == [5, 5, 5, 5, 3] * 2
    for epoch in (steps[:5], steps[5:]):
        assert sorted(row for rows in epoch for row in rows) == list(range(23))


@pytest.mark.parametrize("layout", ["packed", "padded"])
def test_micro_batches_fit_the_budget_longest_first(layout: BatchLayout) -> None:
    lengths = [10, 90, 30, 60, 30]
    groups = micro_batches(lengths, 120, layout)
    assert sorted(i for group in groups for i in group) == [0, 1, 2, 3, 4]
    cost = sum if layout == "packed" else lambda sizes: max(sizes) * len(sizes)
    assert all(cost([lengths[i] for i in group]) <= 120 for group in groups)
    assert groups[0][0] == 1


def test_row_longer_than_the_budget_gets_its_own_micro_batch() -> None:
    assert micro_batches([10, 300, 20], 64, "packed") == [[1], [2, 0]]
    assert micro_batches([10, 300, 20], 64, "padded") == [[1], [2, 0]]


def step_loss(
    model: Any, samples: Sequence[Sample], layout: BatchLayout, budget: int
) -> tuple[float, dict[str, Tensor]]:
    """Return the loss and the gradients of one step."""
    model.zero_grad()
    groups = micro_batches([len(s) for s in samples], budget, layout)
    batches = [collate([samples[i] for i in group], layout) for group in groups]
    loss = accumulate(StepLoss(model), batches, layout, Accelerator(cpu=True), Interrupts(Commands(BytesIO())))
    return loss, {name: weight.grad.clone() for name, weight in model.named_parameters()}


def reference_loss(model: Any, samples: Sequence[Sample]) -> tuple[float, dict[str, Tensor]]:
    """Compute the same loss and gradients with transformers' forward pass, one row at a time."""
    model.zero_grad()
    total = torch.zeros(())
    for row in samples:
        logits = model(input_ids=row.ids[None]).logits[0, :-1]
        total = total + torch.nn.functional.cross_entropy(
            logits[row.trained[1:]], row.ids[1:][row.trained[1:]], reduction="sum"
        )
    loss = total / sum(int(row.trained[1:].sum()) for row in samples)
    loss.backward()
    return loss.item(), {name: weight.grad.clone() for name, weight in model.named_parameters()}


@pytest.mark.parametrize("layout", ["packed", "padded"])
@pytest.mark.parametrize("budget", [1, 20, 40, 4096])
def test_loss_and_gradients_do_not_depend_on_micro_batches(
    model: LlamaForCausalLM, layout: BatchLayout, budget: int
) -> None:
    loss, gradients = step_loss(model, SAMPLES, layout, budget)
    expected_loss, expected_gradients = reference_loss(model, SAMPLES)
    assert loss == pytest.approx(expected_loss, rel=1e-5)
    for name, gradient in expected_gradients.items():
        torch.testing.assert_close(gradients[name], gradient, rtol=1e-3, atol=1e-5)


def test_packed_documents_do_not_attend_to_each_other(model: LlamaForCausalLM) -> None:
    """Changing the first document leaves the loss of the second bit-equal."""
    second = sample(12, seed=9)
    second_losses = []
    for seed in (1, 2):
        untrained = Sample(sample(20, seed).ids, torch.zeros(20, dtype=torch.bool))
        with attention_for(model, "packed"), torch.no_grad():
            second_losses.append(loss_sum(model, collate([untrained, second], "packed")).item())
    assert second_losses[0] == second_losses[1]


def test_trained_count_covers_only_predicted_tokens() -> None:
    fully_trained = Sample(torch.tensor([5, 6, 7]), torch.ones(3, dtype=torch.bool))
    for layout in ("packed", "padded"):
        batch = collate([fully_trained, SAMPLES[0]], layout)  # nothing predicts a document's first token
        assert (batch.tokens, batch.trained) == (20, 2 + 9)


@pytest.mark.parametrize(
    ("after", "expected"), [([2.0, 3.0, 4.0], 0), ([2.2, 3.0, 4.0], 0.1), ([2.0, 3.5, 4.0], 0.1), ([2.0, 3.0], None)]
)
def test_relative_difference_covers_loss_and_all_gradients(after: list[float], expected: float | None) -> None:
    before = [torch.tensor(2.0), torch.tensor([3.0]), torch.tensor([4.0])]
    found = [*map(torch.tensor, after)]
    if expected is None:
        found.append(torch.tensor([torch.nan]))
        assert relative_difference(before, found) == float("inf")
    else:
        assert relative_difference(before, found) == pytest.approx(expected)


def test_sliding_window_applies_within_each_document() -> None:
    torch.manual_seed(0)
    model = MistralForCausalLM(MistralConfig(**SHAPE, sliding_window=6))
    assert "packed" in exact_layouts(model, 20)
    assert step_loss(model, SAMPLES, "packed", 4096)[0] == pytest.approx(reference_loss(model, SAMPLES)[0], rel=1e-5)


def test_model_with_custom_attention_is_not_packed(model: LlamaForCausalLM) -> None:
    sinks = GptOssForCausalLM(GptOssConfig(**SHAPE, num_local_experts=2, num_experts_per_tok=1))
    assert "packed" in exact_layouts(model, 20)
    assert exact_layouts(sinks, 20) == {"padded"}
    assert exact_layouts(model, 20, may_pack=False) == {"padded"}
    assert step_loss(sinks, SAMPLES[:3], "padded", 64)[0] == pytest.approx(
        reference_loss(sinks, SAMPLES[:3])[0], rel=1e-4
    )


@pytest.mark.parametrize(
    ("lengths", "limit", "expected"),
    [
        ([10], 512, 64),
        ([64], 512, 64),
        ([65], 512, 128),
        ([100] * 999 + [400], 512, 128),  # the longest percent is cut
        ([100] * 98 + [400] * 2, 512, 448),
        ([100] * 98 + [400] * 2, 200, 200),  # the model's context
        ([], 512, 64),
        ([], 32, 32),
    ],
)
def test_default_length_covers_99_percent_of_the_rows(lengths: list[int], limit: int, expected: int) -> None:
    samples = np.array([(end,) for end in np.cumsum(lengths)], dtype=[("end", np.int64)])
    table = Table(np.empty(0), np.empty((0, 2)), samples)
    assert choose_max_length(table, limit) == expected


@pytest.mark.parametrize("layout", ["packed", "padded"])
@pytest.mark.parametrize("processes", [1, 2, 3, 7])
def test_processes_share_the_tokens_of_a_step_in_equally_many_micro_batches(
    tmp_path: Path, layout: BatchLayout, processes: int
) -> None:
    with TableWriter(tmp_path, "train") as writer:
        for row, each in enumerate(SAMPLES):
            spans = [(len(each) // 2, len(each))]
            writer.add(row, EncodedSample.from_ids(each.ids.tolist(), spans))
    samples = Samples.from_table(Table.open(tmp_path, "train"), max_length=999)
    settings = Settings(layout=layout, dtype="fp32", threads=1, max_length=999, micro_batch_tokens=20, template_hash="")
    shares = [
        list(micro_batches_of(samples, range(len(SAMPLES)), settings, Ranks(rank, processes)))
        for rank in range(processes)
    ]
    assert len({len(batches) for batches in shares}) == 1
    tokens = [sum(batch.tokens for batch in batches) for batches in shares]
    assert sum(tokens) == sum(map(len, SAMPLES))
    best = max(*map(len, SAMPLES), sum(tokens) / processes)
    assert max(tokens) <= (4 / 3 - 1 / (3 * processes)) * best  # Graham 1969, theorem 2
    targets = torch.cat([batch.targets[batch.targets != -100] for batches in shares for batch in batches])
    trained = torch.cat([each.ids[1:][each.trained[1:]] for each in SAMPLES])
    assert targets.sort().values.tolist() == trained.sort().values.tolist()
    assert sum(batch.trained for batches in shares for batch in batches) == len(trained)
