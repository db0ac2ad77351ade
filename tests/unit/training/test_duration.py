"""The estimated time of a job: training, the evaluations during it, and its checkpoints."""

import pytest

from services.training.estimates import feasibility
from services.training.estimates.duration import Throughput, estimate_duration
from services.training.estimates.feasibility import EstimateInputs
from services.training.estimates.lengths import RowLengths
from services.training.jobs.defaults import ModelAndData, ResolvedSettings, resolve_settings
from services.training.settings import TrainingSettings
from services.training.workers.capacity import Machine
from shared.blobs.manifests import ModelShape

SHAPE = ModelShape(
    parameters=1_000_000,
    hidden=64,
    layers=2,
    heads=4,
    kv_heads=4,
    head_size=16,
    mlp=128,
    vocab=512,
    tied=True,
    stored=4,
)
ROWS = RowLengths([(100, 50, 50, 40)], 40, 0)
INPUTS = EstimateInputs(shape=SHAPE, context=4096, lengths=ROWS, limit=None, fast_bf16=False)


def resolved(form: str = "messages", *, validation_rows: int = 20, **settings: object) -> ResolvedSettings:
    facts = ModelAndData(parameters=1_000_000, context_length=4096, rows=40, form=form, validation_rows=validation_rows)
    request = TrainingSettings(**{"max_steps": 20, "batch_size": 4, "eval_every": 10, **settings})
    return resolve_settings(request, facts, Machine(cpu=1, gpu=0, memory_gb=16), 1)


def test_training_takes_its_tokens_at_the_measured_speed() -> None:
    duration = estimate_duration(resolved(), INPUTS, Throughput(1000, "jobs"))
    assert duration.training == 20 * 4 * 100 / 1000


def test_the_formulas_speed_is_without_the_overhead_of_steps() -> None:
    duration = estimate_duration(resolved(), INPUTS, Throughput(1000, "formula"))
    assert duration.training == pytest.approx(8 + 20 * 0.02)


def test_evaluations_cost_forward_passes_and_answers() -> None:
    """Three of 20 rows, each with three answers of at most 96 tokens; a LoRA token costs two forward passes."""
    duration = estimate_duration(resolved(), INPUTS, Throughput(1000, "jobs"))
    assert duration.evaluations == pytest.approx(3 * (20 * 100 + 3 * 50 + 90 * 96) / 2000)
    full = estimate_duration(resolved(method="full"), INPUTS, Throughput(1000, "jobs"))
    assert full.evaluations == pytest.approx(3 * (20 * 100 + 3 * 50 + 45 * 96) / 3000)
    assert estimate_duration(resolved(validation_rows=0), INPUTS, Throughput(1000, "jobs")).evaluations == 0


def test_checkpoints_are_weights_and_moments() -> None:
    duration = estimate_duration(resolved(method="full", checkpoint_every=8), INPUTS, Throughput(1000, "jobs"))
    assert duration.checkpoints == pytest.approx(3 * 12e6 / 4e8)
    assert duration.total == duration.training + duration.evaluations + duration.checkpoints


def test_pairs_have_two_answers_and_a_reference_model() -> None:
    pairs = resolved("preference")
    assert feasibility.count_tokens(pairs, INPUTS) == 2 * 20 * 4 * 100
    sft = feasibility.estimate_throughput(resolved(dtype="fp32"), INPUTS, 1e9)
    speeds = {
        "preference": feasibility.estimate_throughput(resolved("preference", dtype="fp32"), INPUTS, 1e9),
        "unpaired": feasibility.estimate_throughput(resolved("unpaired", dtype="fp32"), INPUTS, 1e9),
    }
    assert speeds == pytest.approx({"preference": sft * 2 / 3, "unpaired": sft * 2 / 5})


def test_rows_without_a_token_to_learn_take_no_time() -> None:
    nothing = EstimateInputs(SHAPE, 4096, RowLengths([(100, 0, 100, 40)], 40, 0), limit=None, fast_bf16=False)
    assert estimate_duration(resolved(), nothing, Throughput(1000, "jobs")).training == 0
