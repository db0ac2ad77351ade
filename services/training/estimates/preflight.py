"""What a job will need, whether the machine has it, and what would fit instead. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from services.training.errors import DoesNotFit, UnsuitableDataset
from services.training.estimates.lengths import Cut, Lengths
from services.training.estimates.memory import Memory, Plan, memory, trainable
from services.training.estimates.micro_batch import heaviest
from services.training.jobs.defaults import TYPICAL_ROW_TOKENS, Resolved
from shared.blobs.manifests import ModelShape

LIBRARIES = 450_000_000
"""Bytes of an engine that has imported torch, transformers and peft, before it loads anything."""
TIGHT = 0.85
"""Share of the limit above which a job may be crowded out by what else runs on the machine."""
LEAST_TOKENS = 64
WORTH_BF16 = 50_000_000
"""Parameters from which dtype auto may mean bf16 on a CPU (engine/model.py)."""
FLOPS = {"full": 6, "lora": 4, "qlora": 4}
"""Per parameter and token: forward and back, without the gradients of frozen weights (arXiv 2001.08361)."""
FORWARD = 2
"""Of them, those that gradient checkpointing does twice."""
TRAINING = {"fp32": 0.8, "bf16": 0.55}
"""What training reached of the rate of a large product alone, by FLOPS: 0.71 to 0.96, and 0.47 to 0.63 (docs)."""
STEP = 0.02
"""Seconds of an optimizer step beside its products."""
LIGHTER: dict[str, tuple[str, ...]] = {"full": ("lora", "qlora"), "lora": ("qlora",), "qlora": ()}
SHOWN = 4

Verdict = Literal["fits", "tight", "does_not_fit", "unknown"]


@dataclass(frozen=True)
class Subject:
    """What is trained where: the base's shape, its rows if they were counted, and the bytes that an engine may take."""

    shape: ModelShape
    context: int
    lengths: Lengths | None
    limit: int | None
    fast_bf16: bool


@dataclass(frozen=True)
class Fitting:
    """Settings to change, and the total that they lead to."""

    changes: dict[str, Any]
    total: int


def max_length_of(resolved: Resolved, subject: Subject) -> int:
    """As asked; else the data's own, or a typical one where it was not counted."""
    if asked := resolved.hyperparameters["max_length"]:
        return int(asked)
    guess = subject.lengths.suggested(subject.context) if subject.lengths else TYPICAL_ROW_TOKENS
    return min(guess, subject.context) if subject.context else guess


def rows_within(resolved: Resolved, subject: Subject) -> Cut:
    """The rows as the job sees them; without a count, all as long as it allows."""
    longest = max_length_of(resolved, subject)
    if subject.lengths:
        return subject.lengths.cut(longest)
    typical = min(longest, TYPICAL_ROW_TOKENS)
    return Cut(rows=0, mean=typical, square=typical**2, longest=typical, trained=1.0, truncated=0.0, untrained=0.0)


def dtype_of(resolved: Resolved, subject: Subject) -> str:
    """What `auto` will probably mean; the engine measures."""
    asked = str(resolved.hyperparameters["dtype"])
    if asked != "auto":
        return asked
    on_gpu = resolved.resources.gpu > 0
    return "bf16" if on_gpu or (subject.fast_bf16 and subject.shape.parameters >= WORTH_BF16) else "fp32"


def plan_of(resolved: Resolved, subject: Subject, changes: Mapping[str, Any] | None = None) -> Plan:
    """The heaviest micro-batch of the job, with some settings changed."""
    changes, values = changes or {}, resolved.hyperparameters
    cut = rows_within(resolved, subject)
    longest = min(cut.longest, changes.get("max_length", cut.longest))
    most = int(changes.get("micro_batch_tokens", values["micro_batch_tokens"]))
    batch = heaviest(subject.lengths, cut, longest, int(values["batch_size"]), most)
    return Plan(
        method=changes.get("method", resolved.method),
        dtype=changes.get("dtype", dtype_of(resolved, subject)),
        tokens=batch.tokens,
        length=batch.length,
        trained=batch.trained,
        accumulates=batch.accumulates,
        rank=int((values["lora"] or {}).get("rank") or 16),
        optimizer=values["optimizer"],
        quantization=values["quantization"],
        layout=batch.layout,
        gpu=resolved.resources.gpu > 0,
        recomputes=changes.get("gradient_checkpointing", values["gradient_checkpointing"]),
    )


def memory_of(resolved: Resolved, subject: Subject) -> Memory:
    """By part, beyond the libraries."""
    return memory(subject.shape, plan_of(resolved, subject))


def total_of(resolved: Resolved, subject: Subject) -> int:
    """Bytes with the libraries."""
    return total_with(resolved, subject, {})


def total_with(resolved: Resolved, subject: Subject, changes: Mapping[str, Any]) -> int:
    """The same with some settings changed."""
    return memory(subject.shape, plan_of(resolved, subject, changes)).total + LIBRARIES


def why_unmeasured(resolved: Resolved) -> str | None:
    """Where the formula was never held against reality: GPUs, pairs (which TRL lays out), several processes, int8."""
    values = resolved.hyperparameters
    if resolved.resources.gpu:
        return "on a GPU"
    if values["objective"] == "dpo":
        return "for preference pairs"
    if values["quantization"] == "int8":
        return "over a base in int8"
    return "of several processes together (the figures are those of one)" if values["processes"] > 1 else None


def verdict_of(resolved: Resolved, subject: Subject) -> Verdict:
    """Nothing is refused by what was not measured."""
    if subject.limit is None or why_unmeasured(resolved):
        return "unknown"
    total, limit = total_of(resolved, subject), subject.limit
    return "fits" if total <= TIGHT * limit else "tight" if total <= limit else "does_not_fit"


def fitted(resolved: Resolved, subject: Subject) -> Resolved:
    """Where memory would be short: what was left to us and changes the result in nothing, set so that it suffices."""
    if subject.limit is None or total_of(resolved, subject) <= TIGHT * subject.limit:
        return resolved
    for changes in _milder(resolved, subject):
        if (
            changes.keys() <= set(resolved.defaulted)
            and total_with(resolved, subject, changes) <= TIGHT * subject.limit
        ):
            return replace(resolved, hyperparameters={**resolved.hyperparameters, **changes})
    return resolved


def what_would_fit(resolved: Resolved, subject: Subject) -> list[Fitting]:
    """The mildest changes first, each computed by the same formula; empty where nothing helps."""
    found: list[Fitting] = []
    kinds: set[tuple[str, ...]] = set()
    for changes in _candidates(resolved, subject):
        total = total_with(resolved, subject, changes)
        kind = tuple(sorted(changes))
        if kind not in kinds and subject.limit is not None and total <= TIGHT * subject.limit:
            found.append(Fitting(changes, total))
            kinds.add(kind)
    return found[:SHOWN]


def _candidates(resolved: Resolved, subject: Subject) -> Iterator[dict[str, Any]]:
    """One change at a time, the largest value first; then several together."""
    plan = plan_of(resolved, subject)
    milder = list(_milder(resolved, subject))
    dtypes = [{"dtype": "bf16"}] if plan.dtype == "fp32" else []
    methods = [{"method": method} for method in LIGHTER[plan.method]]
    yield from milder
    yield from dtypes
    yield from methods
    shorter = [{"max_length": size, "micro_batch_tokens": size} for size in _halvings(plan.length)]
    yield from shorter
    for method in methods:
        for changes in [*milder, *shorter]:
            yield {**method, **changes}
            yield {**method, "dtype": "bf16", **changes}


def _milder(resolved: Resolved, subject: Subject) -> Iterator[dict[str, Any]]:
    """Changes that no result shows, the one that costs least time first."""
    plan = plan_of(resolved, subject)
    smaller = [{"micro_batch_tokens": size} for size in _halvings(plan.tokens) if size >= plan.length]
    yield from smaller
    if not plan.recomputes:
        yield from ({"gradient_checkpointing": True, **size} for size in ({}, *smaller))


def _halvings(tokens: int) -> list[int]:
    sizes = []
    while tokens // 2 >= LEAST_TOKENS:
        tokens //= 2
        sizes.append(tokens)
    return sizes


def tokens_of(resolved: Resolved, subject: Subject) -> int:
    """Tokens that the whole job computes."""
    per_step = rows_within(resolved, subject).mean * int(resolved.hyperparameters["batch_size"])
    return min(round(per_step * resolved.total_steps), resolved.hyperparameters.get("max_tokens") or 10**18)


def expected_pace(resolved: Resolved, subject: Subject, rate: float) -> float:
    """Tokens per second of a CPU whose cores do `rate` products and sums per second each."""
    threads = min(int(resolved.hyperparameters["threads"]), resolved.resources.cpu)
    reached = rate * TRAINING[dtype_of(resolved, subject)] * threads
    each = FLOPS[resolved.method] + (FORWARD if resolved.hyperparameters["gradient_checkpointing"] else 0)
    return reached / (each * subject.shape.parameters)


def trainable_of(resolved: Resolved, subject: Subject) -> int:
    """Parameters that the job trains."""
    return trainable(subject.shape, resolved.method, int((resolved.hyperparameters["lora"] or {}).get("rank") or 16))


def refuse(resolved: Resolved, subject: Subject) -> None:
    """Raises DoesNotFit, or UnsuitableDataset where no row has a token to learn."""
    if subject.lengths and not rows_within(resolved, subject).rows:
        raise UnsuitableDataset(
            "No row has a token to learn within max_length.",
            field="max_length",
            limit=max_length_of(resolved, subject),
            remedy="Raise max_length, or check that the rows have assistant turns.",
        )
    if verdict_of(resolved, subject) != "does_not_fit":
        return
    total = total_of(resolved, subject)
    fitting = what_would_fit(resolved, subject)
    raise DoesNotFit(
        f"The job needs about {gib(total)} of memory, and the machine has {gib(subject.limit or 0)}.",
        field="method" if fitting and "method" in fitting[0].changes else "micro_batch_tokens",
        limit=subject.limit,
        remedy=_remedy(fitting),
        needed=total,
        fitting=[fit.changes for fit in fitting],
    )


def _remedy(fitting: list[Fitting]) -> str:
    if not fitting:
        return "Choose a smaller base, or train on a machine with more memory."
    ways = [", ".join(f"{name} {value}" for name, value in fit.changes.items()) for fit in fitting]
    return f"This would fit: {'; or '.join(ways)}."


def gib(size: int) -> str:
    """For a sentence."""
    return f"{size / 2**30:.1f} GiB"
