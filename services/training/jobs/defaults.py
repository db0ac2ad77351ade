"""Good defaults by method, model size and data, resolved once at submit so that a job never changes its meaning.

The figures are those of docs/guides/training.md; those for models under 50M parameters were measured on seedling.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from services.training.errors import UnsuitableDataset
from services.training.models import Allocation, Method, Objective
from services.training.settings import TrainingSettings
from services.training.workers.capacity import Machine

TINY = 50_000_000
TINY_STEPS, TINY_EPOCHS, TINY_ROWS = 400, 20, 8
TINY_PAIR_EPOCHS = 3
"""A pair costs four passes of a row, and more of them only overfit."""
TYPICAL_ROW_TOKENS = 512
"""What a row is taken to be long when rows per step follow from tokens per step."""
LEAST_STEPS = 100
"""Small data in large steps learns nothing: steps shrink until a job has about this many."""
MANY_ROWS = 50_000
LEAST_WARMUP = 10
RSLORA_ALPHA = 8.0
"""At rank 16 the same scale, 2, as without; it falls with the root of the rank."""
BETA = 0.1
PAIR_RATES = {False: (5e-6, 5e-7), True: (5e-4, 5e-5)}
"""Of preference pairs: (adapter, full) by whether the model is tiny. Those of others are the Zephyr recipe's."""
LONGEST_BETWEEN_CHECKPOINTS = 500
ELSEWHERE = frozenset(("method", "resources", "priority", "lora", "warmup_ratio", "learning_rate_multiplier"))
"""Settings that are resolved to a member of their own, or into another one."""

INSTEAD = (
    ("warmup_steps", "warmup_ratio"),
    ("epochs", "max_steps"),
    ("max_steps", "epochs"),
    ("learning_rate", "learning_rate_multiplier"),
)
"""The first was not left to us where the second was given."""


@dataclass(frozen=True)
class Size:
    """Defaults of a class of models, up to `parameters`."""

    parameters: float
    lora_rate: float
    full_rate: float
    step_tokens: int
    micro_batch_tokens: int


SIZES = (
    Size(TINY, 3e-3, 1e-3, TINY_ROWS * TYPICAL_ROW_TOKENS, 4096),
    Size(6e8, 5e-4, 5e-5, 8_192, 4096),
    Size(4e9, 2e-4, 2e-5, 16_384, 4096),
    Size(14e9, 2e-4, 1e-5, 32_768, 2048),
    Size(math.inf, 1e-4, 5e-6, 65_536, 2048),
)


@dataclass(frozen=True)
class Subject:
    """What is trained on what: `parameters` of the base, its `context_length`, rows of the training split, row form."""

    parameters: int
    context_length: int
    rows: int
    form: str
    objective: Objective = "sft"

    @property
    def size(self) -> Size:
        """The class of the model."""
        return next(size for size in SIZES if self.parameters < size.parameters)

    @property
    def tiny(self) -> bool:
        """So small that it wants many small steps at a high rate."""
        return self.parameters < TINY

    @property
    def pairs(self) -> bool:
        """Whether it learns which of two answers is better."""
        return self.objective == "dpo"

    def aiming_at(self, objective: Objective | None) -> "Subject":
        """With the objective that was asked for, or the one that the data are for. Raises UnsuitableDataset."""
        if objective == "dpo" and self.form != "preference":
            raise UnsuitableDataset(
                f"Its rows are {self.form}: there is no second answer to compare.",
                field="objective",
                limit="preference",
                remedy="Use objective sft, or upload rows with chosen and rejected answers.",
            )
        return replace(self, objective=objective or ("dpo" if self.form == "preference" else "sft"))


@dataclass(frozen=True)
class Resolved:
    """Every setting of a job, and the names of those that the caller left to us."""

    method: Method
    hyperparameters: dict[str, Any]
    resources: Allocation
    priority: int
    total_steps: int
    defaulted: list[str]


def resolve(settings: TrainingSettings, subject: Subject, machine: Machine, slots: int) -> Resolved:
    """Fill in what the caller left out. Pure: the same request, model, data and machine give the same job."""
    given = settings.given()
    method: Method = given.get("method", "lora")
    subject = subject.aiming_at(given.get("objective"))
    if subject.pairs and given.get("processes", 1) > 1:
        raise UnsuitableDataset(
            "Preference pairs are compared in one process.",
            field="processes",
            limit=1,
            remedy="Leave processes out, or use objective sft.",
        )
    asked, lora = given.get("resources", {}), given.get("lora", {})
    resources = Allocation(**{**_allocation(machine, slots, given.get("processes", 1)), **asked})
    values = {**_fixed(subject, method, resources), **_length(given, subject)}
    values |= {name: value for name, value in given.items() if name not in ELSEWHERE}
    values["learning_rate"] = min(1.0, values["learning_rate"] * given.get("learning_rate_multiplier", 1.0))
    total = _total_steps(values, subject.rows)
    values = {**_intervals(total, given), **values}
    values["max_length"] = _capped(values["max_length"], subject.context_length)
    values["lora"] = None if method == "full" else _lora(lora, subject)
    return Resolved(
        method=method,
        hyperparameters=values,
        resources=resources,
        priority=given.get("priority", 0),
        total_steps=total,
        defaulted=_defaulted(given, asked, values, method),
    )


def _allocation(machine: Machine, slots: int, processes: int) -> dict[str, Any]:
    """A share of the cores; a GPU for each process, where there are any."""
    return {"cpu": max(machine.cpu // slots, min(processes, machine.cpu), 1), "gpu": min(processes, machine.gpu)}


def _length(given: Mapping[str, Any], subject: Subject) -> dict[str, Any]:
    """Rows per step, and either epochs or steps."""
    epochs = given.get("epochs") or (1.0 if subject.rows > MANY_ROWS or subject.pairs else 3.0)
    if subject.tiny:
        rows = given.get("batch_size") or min(TINY_ROWS, max(1, subject.rows))
        most = (TINY_PAIR_EPOCHS if subject.pairs else TINY_EPOCHS) * math.ceil(subject.rows / rows)
        steps = given.get("max_steps") or (None if "epochs" in given else min(TINY_STEPS, most))
    else:
        rows, steps = given.get("batch_size") or _rows_per_step(given, subject, epochs), given.get("max_steps")
    return {"batch_size": rows, "max_steps": steps, "epochs": None if steps else epochs}


def _rows_per_step(given: Mapping[str, Any], subject: Subject, epochs: float) -> int:
    length = min(TYPICAL_ROW_TOKENS, given.get("max_length") or TYPICAL_ROW_TOKENS)
    by_tokens = subject.size.step_tokens // length
    by_steps = int(subject.rows * epochs) // LEAST_STEPS
    return max(1, min(by_tokens, by_steps) if "max_steps" not in given else min(by_tokens, subject.rows))


def _fixed(subject: Subject, method: Method, resources: Allocation) -> dict[str, Any]:
    return {
        "objective": subject.objective,
        "beta": BETA if subject.pairs else None,
        "micro_batch_tokens": subject.size.micro_batch_tokens,
        "gradient_checkpointing": False,
        "compile": None,
        "learning_rate": _learning_rate(subject, method),
        "scheduler": "cosine",
        "weight_decay": 0.01 if method == "full" else 0.0,
        "max_grad_norm": 1.0,
        "optimizer": "adamw",
        "quantization": "nf4" if method == "qlora" else None,
        "max_length": None,
        "seed": 42,
        "early_stopping_patience": None,
        "max_minutes": None,
        "max_tokens": None,
        "dtype": "auto",
        "threads": resources.cpu,
        "processes": 1,
        "strategy": "ddp",
    }


def _learning_rate(subject: Subject, method: Method) -> float:
    if subject.pairs:
        return PAIR_RATES[subject.tiny][method == "full"]
    if method == "full":
        return subject.size.full_rate
    continued_pretraining = subject.form == "text" and not subject.tiny
    return 1e-4 if continued_pretraining else subject.size.lora_rate


def _lora(given: Mapping[str, Any], subject: Subject) -> dict[str, Any]:
    rank = given.get("rank") or (64 if subject.form == "text" and not subject.tiny else 16)
    alpha = RSLORA_ALPHA if given.get("rslora") else 2.0 * rank
    return {"rank": rank, "alpha": alpha, "dropout": 0.0, "rslora": False, "targets": "all-linear", **given}


def _total_steps(values: Mapping[str, Any], rows: int) -> int:
    if values["max_steps"]:
        return int(values["max_steps"])
    steps_per_epoch = math.ceil(rows / int(values["batch_size"]))
    return max(1, math.ceil(float(values["epochs"]) * steps_per_epoch))


def _intervals(total: int, given: Mapping[str, Any]) -> dict[str, Any]:
    """Warm-up of 3 % (at least ten steps, at most half), and about ten evaluations, each with a checkpoint."""
    asked = given.get("warmup_ratio")
    warmup = math.ceil(asked * total) if asked is not None else max(LEAST_WARMUP, math.ceil(0.03 * total))
    every = max(1, min(total, LONGEST_BETWEEN_CHECKPOINTS, math.ceil(total / 10)))
    return {
        "warmup_steps": warmup if asked is not None else min(warmup, total // 2),
        "eval_every": every,
        "checkpoint_every": given.get("eval_every", every),
    }


def _capped(asked: int | None, context_length: int) -> int | None:
    """Null stays: the engine takes the data's 99th percentile, rounded up to 64."""
    return min(asked, context_length) if asked and context_length else asked


def _defaulted(
    given: Mapping[str, Any], asked: Mapping[str, Any], values: Mapping[str, Any], method: Method
) -> list[str]:
    names = [name for name in ("method", *values, "priority") if name not in given and name != "lora"]
    names = [name for name in names if not any(name == other and asked_for in given for other, asked_for in INSTEAD)]
    if method != "full":
        lora = given.get("lora", {})
        names += [f"lora.{name}" for name in ("rank", "alpha", "dropout", "rslora", "targets") if name not in lora]
    return names + [f"resources.{name}" for name in ("cpu", "gpu", "memory_gb") if name not in asked]
