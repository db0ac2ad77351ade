"""Defaults by method, model size and data, resolved once at submit so that a job never changes its meaning.

docs/guides/training.md lists the same values. Those for models under 50M parameters were measured on seedling.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from services.training.errors import UnsuitableDataset
from services.training.jobs.evaluation_share import (
    MAX_EVAL_ROWS,
    MAX_EVAL_SHARE,
    EvaluationPlan,
    evaluation_costs,
    plan_evaluations,
)
from services.training.models import Allocation, Method, Objective
from services.training.settings import TrainingSettings
from services.training.workers.capacity import Machine

TINY_PARAMETERS = 50_000_000
TINY_MAX_STEPS, TINY_MAX_EPOCHS, TINY_BATCH_ROWS = 400, 20, 8
TINY_MAX_PAIR_EPOCHS = 3
"""A preference pair costs four forward passes, and more epochs of them only overfit."""
TYPICAL_ROW_TOKENS = 512
"""Assumed length of a row where the batch size follows from tokens per step."""
MIN_STEPS = 100
"""A small dataset in large steps learns nothing, so the batch shrinks until a job has about this many steps."""
SINGLE_EPOCH_ROWS = 50_000
"""Above this many rows one epoch is enough."""
WARMUP_SHARE, MIN_WARMUP_STEPS = 0.03, 10
"""QLoRA's script warms up over 3 % of the steps (arXiv 2305.14314)."""
LORA_RANK, TEXT_LORA_RANK = 16, 64
"""Text is continued pretraining, which needs a higher rank than instructions do (arXiv 2405.09673)."""
ALPHA_PER_RANK = 2.0
"""alpha = 2 · rank, so that updates are scaled by 2 at every rank (arXiv 2405.09673; scale = alpha / rank,
arXiv 2106.09685)."""
RSLORA_ALPHA = 8.0
"""rsLoRA scales by alpha / sqrt(rank) (arXiv 2312.03732): 2 at rank 16, as without it."""
TEXT_LORA_LEARNING_RATE = 1e-4
DPO_BETA = 0.1
"""The default of the DPO and KTO papers (arXiv 2305.18290, 2402.01306)."""
DPO_LEARNING_RATES = {False: (5e-6, 5e-7), True: (5e-4, 5e-5)}
"""(adapter, full) by whether the model is tiny. The first pair is Zephyr's recipe (arXiv 2310.16944)."""
DEFAULT_OBJECTIVES: dict[str, Objective] = {"preference": "dpo", "unpaired": "kto"}
"""Of the forms of rows that sft does not learn by default."""
NEEDED_FORMS: dict[Objective, str] = {objective: form for form, objective in DEFAULT_OBJECTIVES.items()}
MISSING: dict[Objective, str] = {"dpo": "a chosen and a rejected answer", "kto": "an answer and its label"}
MAX_CHECKPOINT_INTERVAL = 500
RESOLVED_ELSEWHERE = frozenset(
    ("method", "resources", "priority", "lora", "warmup_ratio", "learning_rate_multiplier", "max_eval_share")
)
"""Settings that have a field of their own in ResolvedSettings, or are resolved into another setting."""

ALTERNATIVES = (
    ("warmup_steps", "warmup_ratio"),
    ("epochs", "max_steps"),
    ("max_steps", "epochs"),
    ("learning_rate", "learning_rate_multiplier"),
)
"""The first setting counts as given where the second was given."""


@dataclass(frozen=True)
class SizeClass:
    """Defaults of models with less than `parameters`. A step has about `step_tokens` tokens."""

    parameters: float
    lora_learning_rate: float
    full_learning_rate: float
    step_tokens: int
    micro_batch_tokens: int


# From 600M parameters the adapter rates are QLoRA's: 2e-4 to 13B, 1e-4 above (arXiv 2305.14314, appendix B). Full
# fine-tuning takes a tenth of them and less, as is common. The class below 50M was measured on seedling.
SIZE_CLASSES = (
    SizeClass(TINY_PARAMETERS, 3e-3, 1e-3, TINY_BATCH_ROWS * TYPICAL_ROW_TOKENS, 4096),
    SizeClass(6e8, 5e-4, 5e-5, 8_192, 4096),
    SizeClass(4e9, 2e-4, 2e-5, 16_384, 4096),
    SizeClass(14e9, 2e-4, 1e-5, 32_768, 2048),
    SizeClass(math.inf, 1e-4, 5e-6, 65_536, 2048),
)


@dataclass(frozen=True)
class ModelAndData:
    """`parameters` and `context_length` (tokens) of the base model; `rows` of the training split and their `form`.

    `validation_rows`: rows to evaluate on. Mean tokens of a row are estimated.
    """

    parameters: int
    context_length: int
    rows: int
    form: str
    objective: Objective = "sft"
    validation_rows: int = 0
    row_tokens: float = TYPICAL_ROW_TOKENS
    validation_row_tokens: float = TYPICAL_ROW_TOKENS

    @property
    def size_class(self) -> SizeClass:
        """The class of the model."""
        return next(size for size in SIZE_CLASSES if self.parameters < size.parameters)

    @property
    def tiny(self) -> bool:
        """So small that it needs many small steps at a high learning rate."""
        return self.parameters < TINY_PARAMETERS

    @property
    def preference(self) -> bool:
        """Whether it learns which answers are better (DPO, KTO)."""
        return self.objective != "sft"

    @property
    def continued_pretraining(self) -> bool:
        """Whether it learns text as it is; a tiny model trains on text as on anything else."""
        return self.form == "text" and not self.tiny

    def with_objective(self, objective: Objective | None) -> "ModelAndData":
        """With the requested objective, or the one that fits the rows. Raises UnsuitableDataset."""
        if objective == "sft" and self.form == "unpaired":
            raise UnsuitableDataset(
                "The rows are unpaired preferences: sft would learn the answers with label false, too.",
                field="objective",
                limit="kto",
                remedy="Use objective kto, or keep only the rows with label true.",
            )
        if objective in NEEDED_FORMS and self.form != (form := NEEDED_FORMS[objective]):
            raise UnsuitableDataset(
                f"The rows are {self.form}, and {objective} needs {MISSING[objective]}.",
                field="objective",
                limit=form,
                remedy=f"Use objective {DEFAULT_OBJECTIVES.get(self.form, 'sft')}, or upload rows with them.",
            )
        return replace(self, objective=objective or DEFAULT_OBJECTIVES.get(self.form, "sft"))


@dataclass(frozen=True)
class ResolvedSettings:
    """Every setting of a job, and in `defaulted` the names of those that the caller left open.

    `evaluations`: those of the settings, and their share of the computation; None without validation rows.
    """

    method: Method
    hyperparameters: dict[str, Any]
    resources: Allocation
    priority: int
    total_steps: int
    defaulted: list[str]
    evaluations: EvaluationPlan | None = None
    fitted: frozenset[str] = frozenset()
    """Names of the settings that were changed so that the job fits into memory."""


def resolve_settings(
    settings: TrainingSettings, subject: ModelAndData, machine: Machine, slots: int
) -> ResolvedSettings:
    """Fill in what the caller left open. Pure: the same request, model, data and machine give the same job."""
    given = settings.given()
    method: Method = given.get("method", "lora")
    subject = subject.with_objective(given.get("objective"))
    _check_preference_settings(subject, given)
    _check_used(subject, method, given)
    requested, lora = given.get("resources", {}), given.get("lora", {})
    resources = Allocation(**{**_allocation(machine, slots, given.get("processes", 1)), **requested})
    values = {**_fixed(subject, method, resources), **_duration(given, subject)}
    values |= {name: value for name, value in given.items() if name not in RESOLVED_ELSEWHERE}
    values["learning_rate"] = min(1.0, values["learning_rate"] * given.get("learning_rate_multiplier", 1.0))
    total = _total_steps(values, subject.rows)
    values = {**_intervals(total, given), **values}
    values["max_length"] = _capped(values["max_length"], subject.context_length)
    evaluations = _evaluations(given, subject, method, values, total) if subject.validation_rows else None
    if evaluations:
        values |= {"eval_every": evaluations.every, "eval_rows": given.get("eval_rows", evaluations.rows)}
    values["lora"] = None if method == "full" else _lora(lora, subject)
    return ResolvedSettings(
        method=method,
        hyperparameters=values,
        resources=resources,
        priority=given.get("priority", 0),
        total_steps=total,
        defaulted=_defaulted(given, requested, values, method),
        evaluations=evaluations,
    )


def _evaluations(
    given: Mapping[str, Any], subject: ModelAndData, method: Method, values: Mapping[str, Any], total: int
) -> EvaluationPlan:
    """Evaluations as requested; what is left open is chosen to take at most `max_eval_share` of the computation."""
    costs = evaluation_costs(method, values, total, subject.row_tokens, subject.validation_row_tokens)
    every, rows = values["eval_every"], min(values["eval_rows"], subject.validation_rows)
    if "eval_every" in given:
        return costs.plan(total, every, rows)
    least = rows if "eval_rows" in given else None
    return plan_evaluations(costs, total, every, rows, given.get("max_eval_share", MAX_EVAL_SHARE), least)


def _check_preference_settings(subject: ModelAndData, given: Mapping[str, Any]) -> None:
    if subject.preference and given.get("processes", 1) > 1:
        raise UnsuitableDataset(
            "Preferences are trained in one process.",
            field="processes",
            limit=1,
            remedy="Leave processes out, or use objective sft.",
        )
    if subject.objective == "kto" and given.get("batch_size") == 1:
        detail = "kto compares the rows of a step, so a step needs at least two."
        raise UnsuitableDataset(detail, field="batch_size", limit=2, remedy="Set batch_size to 2 or more.")


def _check_used(subject: ModelAndData, method: Method, given: Mapping[str, Any]) -> None:
    """Refuse settings of other objectives and methods, which the job would ignore."""
    objective, weights = f"objective {subject.objective}", ("desirable_weight", "undesirable_weight")
    unused = [(name, objective, "kto") for name in weights if subject.objective != "kto"]
    unused += [] if subject.preference else [("beta", objective, "dpo or kto")]
    unused += [] if method == "qlora" else [("quantization", f"method {method}", "qlora")]
    for name, reason, limit in unused:
        if name in given:
            detail = f"{name} has no meaning for {reason}."
            raise UnsuitableDataset(detail, field=name, limit=limit, remedy=f"Leave {name} out.")


def _allocation(machine: Machine, slots: int, processes: int) -> dict[str, Any]:
    """A job slot's share of the cores, and a GPU for each process where there are any."""
    return {"cpu": max(machine.cpu // slots, min(processes, machine.cpu), 1), "gpu": min(processes, machine.gpu)}


def _duration(given: Mapping[str, Any], subject: ModelAndData) -> dict[str, Any]:
    """The batch size, and either epochs or steps."""
    epochs = given.get("epochs") or (1.0 if subject.rows > SINGLE_EPOCH_ROWS or subject.preference else 3.0)
    if subject.tiny:
        rows = given.get("batch_size") or min(TINY_BATCH_ROWS, max(_min_rows(subject), subject.rows))
        max_epochs = TINY_MAX_PAIR_EPOCHS if subject.preference else TINY_MAX_EPOCHS
        limit = min(TINY_MAX_STEPS, max_epochs * math.ceil(subject.rows / rows))
        steps = given.get("max_steps") or (None if "epochs" in given else limit)
    else:
        rows, steps = given.get("batch_size") or _batch_size(given, subject, epochs), given.get("max_steps")
    return {"batch_size": rows, "max_steps": steps, "epochs": None if steps else epochs}


def _batch_size(given: Mapping[str, Any], subject: ModelAndData, epochs: float) -> int:
    length = min(TYPICAL_ROW_TOKENS, given.get("max_length") or TYPICAL_ROW_TOKENS)
    by_tokens = subject.size_class.step_tokens // length
    by_steps = int(subject.rows * epochs) // MIN_STEPS
    rows = min(by_tokens, by_steps) if "max_steps" not in given else min(by_tokens, subject.rows)
    return max(_min_rows(subject), rows)


def _min_rows(subject: ModelAndData) -> int:
    """Rows of the smallest step that the objective can learn from."""
    return 2 if subject.objective == "kto" else 1


def _fixed(subject: ModelAndData, method: Method, resources: Allocation) -> dict[str, Any]:
    return {
        "objective": subject.objective,
        "beta": DPO_BETA if subject.preference else None,
        **({"desirable_weight": 1.0, "undesirable_weight": 1.0} if subject.objective == "kto" else {}),
        "unsupported_rows": "refuse",
        "micro_batch_tokens": subject.size_class.micro_batch_tokens,
        "gradient_checkpointing": False,
        "gpu_kernels": False,
        "learning_rate": _learning_rate(subject, method),
        "scheduler": "cosine",
        "weight_decay": 0.01 if method == "full" else 0.0,
        "max_grad_norm": 1.0,
        "optimizer": "adamw",
        "quantization": "nf4" if method == "qlora" else None,
        "max_length": None,
        "seed": 42,
        "eval_rows": MAX_EVAL_ROWS,
        "early_stopping_patience": None,
        "max_minutes": None,
        "max_tokens": None,
        "dtype": "auto",
        "threads": resources.cpu,
        "processes": 1,
        "strategy": "ddp",
    }


def _learning_rate(subject: ModelAndData, method: Method) -> float:
    if subject.preference:
        return DPO_LEARNING_RATES[subject.tiny][method == "full"]
    if method == "full":
        return subject.size_class.full_learning_rate
    return TEXT_LORA_LEARNING_RATE if subject.continued_pretraining else subject.size_class.lora_learning_rate


def _lora(given: Mapping[str, Any], subject: ModelAndData) -> dict[str, Any]:
    rank = given.get("rank") or (TEXT_LORA_RANK if subject.continued_pretraining else LORA_RANK)
    alpha = RSLORA_ALPHA if given.get("rslora") else ALPHA_PER_RANK * rank
    # Adapters on all linear layers are needed to match full fine-tuning (QLoRA, arXiv 2305.14314, section 4).
    return {"rank": rank, "alpha": alpha, "dropout": 0.0, "rslora": False, "targets": "all-linear", **given}


def _total_steps(values: Mapping[str, Any], rows: int) -> int:
    if values["max_steps"]:
        return int(values["max_steps"])
    steps_per_epoch = math.ceil(rows / int(values["batch_size"]))
    return max(1, math.ceil(float(values["epochs"]) * steps_per_epoch))


def _intervals(total: int, given: Mapping[str, Any]) -> dict[str, Any]:
    """Warm-up of 3 % (at least ten steps, at most half), and about ten checkpoints, with an evaluation each.

    There are fewer evaluations where ten would take too large a share (`_evaluations`).
    """
    ratio = given.get("warmup_ratio")
    default = min(max(MIN_WARMUP_STEPS, math.ceil(WARMUP_SHARE * total)), total // 2)
    every = max(1, min(total, MAX_CHECKPOINT_INTERVAL, math.ceil(total / 10)))
    return {
        "warmup_steps": default if ratio is None else math.ceil(ratio * total),
        "eval_every": every,
        "checkpoint_every": given.get("eval_every", every),
    }


def _capped(max_length: int | None, context_length: int) -> int | None:
    """None stays: the engine then uses the rows' 99th percentile, rounded up to 64."""
    return min(max_length, context_length) if max_length and context_length else max_length


def _defaulted(
    given: Mapping[str, Any], requested: Mapping[str, Any], values: Mapping[str, Any], method: Method
) -> list[str]:
    replaced = {name for name, alternative in ALTERNATIVES if alternative in given}
    names = [name for name in ("method", *values, "priority") if name not in {*given, *replaced, "lora"}]
    if method != "full":
        lora = given.get("lora", {})
        names += [f"lora.{name}" for name in ("rank", "alpha", "dropout", "rslora", "targets") if name not in lora]
    return names + [f"resources.{name}" for name in ("cpu", "gpu", "memory_gb") if name not in requested]
