"""Whether a job fits on its machine, which changes would make it fit, and how fast it trains. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from services.training.engine.spec import auto_dtype
from services.training.errors import DoesNotFit, UnsuitableDataset
from services.training.estimates.lengths import LengthStats, RowLengths
from services.training.estimates.memory import MemoryEstimate, StepPlan, count_trainable, estimate_memory
from services.training.estimates.micro_batch import heaviest_micro_batch, preference_micro_batch
from services.training.jobs.defaults import TYPICAL_ROW_TOKENS, ResolvedSettings
from services.training.jobs.evaluation_share import training_passes
from shared.blobs.manifests import ModelShape

LIBRARIES_BYTES = 450_000_000
"""An engine that has imported torch, transformers and peft, before it loads anything."""
TIGHT_SHARE = 0.85
"""Share of the limit above which other processes on the machine may push a job out of memory."""
MIN_SUGGESTED_TOKENS = 64
FORWARD_FLOPS = 2
"""FLOPs per parameter and token of a forward pass (arXiv 2001.08361)."""
MATMUL_EFFICIENCY = {"fp32": 0.8, "bf16": 0.55}
"""FLOP/s of training over those of one large matrix product: 0.71 to 0.96, and 0.47 to 0.63 (docs/performance.md)."""
LIGHTER_METHODS: dict[str, tuple[str, ...]] = {"full": ("lora", "qlora"), "lora": ("qlora",), "qlora": ()}
MAX_ALTERNATIVES = 4

Verdict = Literal["fits", "tight", "does_not_fit", "unknown"]


@dataclass(frozen=True)
class EstimateInputs:
    """The base model's shape and context in tokens, the rows if they were counted, and the machine.

    `limit`: bytes that an engine may use, None where that is unknown.
    """

    shape: ModelShape
    context: int
    lengths: RowLengths | None
    limit: int | None
    fast_bf16: bool


@dataclass(frozen=True)
class Alternative:
    """Settings to change, and the bytes that the job would then need."""

    changes: dict[str, Any]
    total: int


def choose_max_length(resolved: ResolvedSettings, inputs: EstimateInputs) -> int:
    """The job's max_length, else the engine's default for the rows, else a typical one where they were not counted."""
    if requested := resolved.hyperparameters["max_length"]:
        return int(requested)
    default = inputs.lengths.default_max_length(inputs.context) if inputs.lengths else TYPICAL_ROW_TOKENS
    return min(default, inputs.context) if inputs.context else default


def truncated_rows(resolved: ResolvedSettings, inputs: EstimateInputs) -> LengthStats:
    """The rows within max_length; where they were not counted, all of typical length."""
    longest = choose_max_length(resolved, inputs)
    if inputs.lengths:
        return inputs.lengths.truncated_to(longest)
    typical = min(longest, TYPICAL_ROW_TOKENS)
    return LengthStats(
        rows=0, mean=typical, mean_square=typical**2, longest=typical, trained=1.0, truncated=0.0, untrained=0.0
    )


def choose_dtype(resolved: ResolvedSettings, inputs: EstimateInputs) -> str:
    """The job's dtype. `auto` is left only where engines run on other machines, which may have bf16 or not."""
    requested = str(resolved.hyperparameters["dtype"])
    if requested != "auto":
        return requested
    on_gpu = resolved.resources.gpu > 0
    return auto_dtype(inputs.shape.parameters, gpu=on_gpu, bf16=on_gpu or inputs.fast_bf16)


def plan_step(resolved: ResolvedSettings, inputs: EstimateInputs, changes: Mapping[str, Any] | None = None) -> StepPlan:
    """The heaviest micro-batch of the job, with `changes` to its settings."""
    changes, values = changes or {}, resolved.hyperparameters
    stats = truncated_rows(resolved, inputs)
    longest = min(stats.longest, changes.get("max_length", stats.longest))
    budget = int(changes.get("micro_batch_tokens", values["micro_batch_tokens"]))
    gpu, objective, rows = resolved.resources.gpu > 0, values["objective"], int(values["batch_size"])
    may_pack = not gpu or bool(values.get("gpu_kernels"))
    batch = (
        heaviest_micro_batch(inputs.lengths, stats, longest, rows, budget, may_pack=may_pack)
        if objective == "sft"
        else preference_micro_batch(objective, longest, rows, budget)
    )
    return StepPlan(
        method=changes.get("method", resolved.method),
        objective=objective,
        dtype=changes.get("dtype", choose_dtype(resolved, inputs)),
        tokens=batch.tokens,
        length=batch.length,
        trained=batch.trained,
        accumulates=batch.accumulates,
        rank=_rank(resolved),
        optimizer=values["optimizer"],
        quantization=values["quantization"],
        layout=batch.layout,
        gpu=gpu,
        recomputes=changes.get("gradient_checkpointing", values["gradient_checkpointing"]),
    )


def job_memory(resolved: ResolvedSettings, inputs: EstimateInputs) -> MemoryEstimate:
    """Bytes by part, beyond the libraries."""
    return estimate_memory(inputs.shape, plan_step(resolved, inputs))


def total_bytes(resolved: ResolvedSettings, inputs: EstimateInputs, changes: Mapping[str, Any] | None = None) -> int:
    """Bytes with the libraries, with `changes` to the settings."""
    return estimate_memory(inputs.shape, plan_step(resolved, inputs, changes)).total + LIBRARIES_BYTES


def unmeasured_case(resolved: ResolvedSettings, shape: ModelShape) -> str | None:
    """The case that the formula was never compared with: GPUs, mixtures, int8, several processes, some preferences."""
    values = resolved.hyperparameters
    if resolved.resources.gpu:
        return "on a GPU"
    if shape.experts:
        return "of a mixture of experts"
    if values["quantization"] == "int8":
        return "with an int8 base model"
    if values["objective"] != "sft" and resolved.method != "lora":
        return f"for preferences with method {resolved.method}"
    return "with several processes (the numbers are those of one)" if values["processes"] > 1 else None


def judge(resolved: ResolvedSettings, inputs: EstimateInputs) -> Verdict:
    """Whether the job fits; unknown, so never refused, where the formula was not measured."""
    if inputs.limit is None or unmeasured_case(resolved, inputs.shape):
        return "unknown"
    total, limit = total_bytes(resolved, inputs), inputs.limit
    return "fits" if total <= TIGHT_SHARE * limit else "tight" if total <= limit else "does_not_fit"


def fit_to_memory(resolved: ResolvedSettings, inputs: EstimateInputs) -> ResolvedSettings:
    """Where memory is short, change settings that the caller left open and that do not change the result."""
    if inputs.limit is None or total_bytes(resolved, inputs) <= TIGHT_SHARE * inputs.limit:
        return resolved
    for changes in _neutral_changes(resolved, inputs):
        if (
            changes.keys() <= set(resolved.defaulted)
            and total_bytes(resolved, inputs, changes) <= TIGHT_SHARE * inputs.limit
        ):
            values = {**resolved.hyperparameters, **changes}
            return replace(resolved, hyperparameters=values, fitted=frozenset(changes))
    return resolved


def find_alternatives(resolved: ResolvedSettings, inputs: EstimateInputs) -> list[Alternative]:
    """Changes with which the job fits by the same formula, smallest first; empty where nothing helps."""
    found: list[Alternative] = []
    kinds: set[tuple[str, ...]] = set()
    for changes in _candidates(resolved, inputs):
        total = total_bytes(resolved, inputs, changes)
        kind = tuple(sorted(changes))
        if kind not in kinds and inputs.limit is not None and total <= TIGHT_SHARE * inputs.limit:
            found.append(Alternative(changes, total))
            kinds.add(kind)
    return found[:MAX_ALTERNATIVES]


def _candidates(resolved: ResolvedSettings, inputs: EstimateInputs) -> Iterator[dict[str, Any]]:
    """One change at a time, the largest value first; then several together."""
    plan = plan_step(resolved, inputs)
    neutral = list(_neutral_changes(resolved, inputs))
    dtypes = [{"dtype": "bf16"}] if plan.dtype == "fp32" else []
    methods = [{"method": method} for method in LIGHTER_METHODS[plan.method]]
    yield from neutral
    yield from dtypes
    yield from methods
    shorter = [{"max_length": size, "micro_batch_tokens": size} for size in _halvings(plan.length)]
    yield from shorter
    for method in methods:
        for changes in [*neutral, *shorter]:
            yield {**method, **changes}
            yield {**method, "dtype": "bf16", **changes}


def _neutral_changes(resolved: ResolvedSettings, inputs: EstimateInputs) -> Iterator[dict[str, Any]]:
    """Changes that save memory and do not change the result, the one that costs least time first."""
    plan = plan_step(resolved, inputs)
    smaller = [{"micro_batch_tokens": size} for size in _halvings(plan.tokens) if size >= plan.length]
    yield from smaller
    if not plan.recomputes:
        yield from ({"gradient_checkpointing": True, **size} for size in ({}, *smaller))


def _halvings(tokens: int) -> list[int]:
    sizes = []
    while tokens // 2 >= MIN_SUGGESTED_TOKENS:
        tokens //= 2
        sizes.append(tokens)
    return sizes


def count_tokens(resolved: ResolvedSettings, inputs: EstimateInputs) -> int:
    """Tokens that the whole job computes."""
    per_step = row_tokens(resolved, inputs) * int(resolved.hyperparameters["batch_size"])
    return min(round(per_step * resolved.total_steps), resolved.hyperparameters.get("max_tokens") or 10**18)


def row_tokens(resolved: ResolvedSettings, inputs: EstimateInputs) -> float:
    """Mean tokens of a row; a row of dpo has two answers, each with the prompt."""
    mean = truncated_rows(resolved, inputs).mean
    return 2 * mean if resolved.hyperparameters["objective"] == "dpo" else mean


def estimate_throughput(resolved: ResolvedSettings, inputs: EstimateInputs, flops_per_core: float) -> float:
    """Tokens per second on a CPU whose cores reach `flops_per_core` FLOP/s each in a large matrix product."""
    threads = min(int(resolved.hyperparameters["threads"]), resolved.resources.cpu)
    reached = flops_per_core * MATMUL_EFFICIENCY[choose_dtype(resolved, inputs)] * threads
    recomputes = bool(resolved.hyperparameters["gradient_checkpointing"])
    passes = training_passes(resolved.method, resolved.hyperparameters["objective"], recomputes=recomputes)
    return reached / (FORWARD_FLOPS * passes * inputs.shape.parameters)


def trainable_parameters(resolved: ResolvedSettings, inputs: EstimateInputs) -> int:
    """Parameters that the job trains."""
    return count_trainable(inputs.shape, resolved.method, _rank(resolved))


def _rank(resolved: ResolvedSettings) -> int:
    return int((resolved.hyperparameters["lora"] or {}).get("rank") or 16)


def refuse_impossible(resolved: ResolvedSettings, inputs: EstimateInputs) -> None:
    """Raises DoesNotFit, or UnsuitableDataset where no row has a token to learn."""
    if inputs.lengths and not truncated_rows(resolved, inputs).rows:
        raise UnsuitableDataset(
            "No row has a token to learn within max_length.",
            field="max_length",
            limit=choose_max_length(resolved, inputs),
            remedy="Raise max_length, or check that the rows have assistant turns.",
        )
    if judge(resolved, inputs) != "does_not_fit":
        return
    total = total_bytes(resolved, inputs)
    alternatives = find_alternatives(resolved, inputs)
    raise DoesNotFit(
        f"The job needs about {_gib(total)} of memory, and the machine has {_gib(inputs.limit or 0)}.",
        field="method" if alternatives and "method" in alternatives[0].changes else "micro_batch_tokens",
        limit=inputs.limit,
        remedy=_remedy(alternatives),
        needed=total,
        fitting=[alternative.changes for alternative in alternatives],
    )


def _remedy(alternatives: list[Alternative]) -> str:
    if not alternatives:
        return "Choose a smaller base model, or train on a machine with more memory."
    ways = [", ".join(f"{name} {value}" for name, value in each.changes.items()) for each in alternatives]
    return f"This would fit: {'; or '.join(ways)}."


def _gib(size: int) -> str:
    return f"{size / 2**30:.1f} GiB"
