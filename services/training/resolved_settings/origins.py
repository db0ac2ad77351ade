"""Where the value of a setting comes from, in the terms of jobs/defaults.py. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from services.training.jobs.defaults import ALTERNATIVES, SINGLE_EPOCH_ROWS, ModelAndData, ResolvedSettings

Source = Literal["you", "preset", "method", "base", "data", "machine", "default"]
METHODS = {"full": "full fine-tuning", "lora": "LoRA", "qlora": "QLoRA"}


@dataclass(frozen=True)
class Origin:
    """Where a value comes from; `reason` completes "because of …"."""

    source: Source
    reason: str = ""


def flattened(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Settings by the names that errors and `defaulted` use: `lora.rank`, `resources.cpu`."""
    flat = {name: value for name, value in settings.items() if name not in ("lora", "resources")}
    for group in ("lora", "resources"):
        flat |= {f"{group}.{name}": value for name, value in (settings.get(group) or {}).items()}
    return flat


def origins_of(
    own: Mapping[str, Any], merged: Mapping[str, Any], subject: ModelAndData, resolved: ResolvedSettings
) -> dict[str, Origin]:
    """The origins of all settings: of the request's `own`, of those `merged` with its preset, and of the others."""
    origins = {**_defaults(subject, resolved)}
    for given, origin in ((merged, Origin("preset")), (own, Origin("you"))):
        origins |= dict.fromkeys(given, origin)
        origins |= {
            replaced: Origin(origin.source, f"of {alternative}")
            for replaced, alternative in ALTERNATIVES
            if alternative in given and replaced not in given
        }
    return origins


def _defaults(subject: ModelAndData, resolved: ResolvedSettings) -> dict[str, Origin]:
    """The origins of what the caller left open."""
    objective = resolved.hyperparameters["objective"]
    size, rows = f"{_count(subject.parameters)} parameters", f"{subject.rows:,} training rows"
    method, tiny = METHODS[resolved.method], subject.tiny
    schedule = Origin("base", f"{size}, {rows}") if tiny else Origin("data", rows)
    epochs = f"over {SINGLE_EPOCH_ROWS:,} rows" if subject.rows > SINGLE_EPOCH_ROWS else rows
    rank = Origin("data", "plain text") if subject.continued_pretraining else Origin("default")
    return {
        "objective": Origin("data", f"{subject.form} rows"),
        "beta": Origin("default", f"of {objective.upper()}") if subject.preference else Origin("default"),
        "learning_rate": _learning_rate(subject, method, size, objective),
        "epochs": Origin("data", epochs),
        "max_steps": schedule,
        "batch_size": schedule,
        "max_length": Origin("data", "99 % of the rows fit"),
        "weight_decay": Origin("method", method),
        "quantization": Origin("method", method),
        "warmup_steps": Origin("default", "3 % of the steps, at least 10, at most half"),
        "eval_every": Origin("default", "a tenth of the steps, if evaluations take at most a tenth of the time"),
        "eval_rows": Origin("data", f"{subject.validation_rows:,} validation rows"),
        "checkpoint_every": Origin("default", "a tenth of the steps"),
        "micro_batch_tokens": Origin("base", size),
        "dtype": Origin("machine"),
        "threads": Origin("machine", "the CPU cores of the job"),
        "resources.cpu": Origin("machine", "an equal share for each job slot"),
        "resources.gpu": Origin("machine"),
        "lora.rank": rank,
        "lora.alpha": Origin("default", "2 × rank; 8 with rsLoRA"),
        "lora.targets": Origin("default", "all linear layers"),
    }


def _learning_rate(subject: ModelAndData, method: str, size: str, objective: str) -> Origin:
    if subject.preference:
        return Origin("data", f"{objective.upper()}, {method}")
    if subject.continued_pretraining and method != METHODS["full"]:
        return Origin("data", f"{method} on plain text")
    return Origin("base", f"{method}, {size}")


def _count(parameters: int) -> str:
    """Such as 4.7M or 1.2B."""
    return f"{parameters / 1e9:.2g}B" if parameters >= 1e9 else f"{parameters / 1e6:.3g}M"
