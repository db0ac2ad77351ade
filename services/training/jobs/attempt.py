"""How an attempt at a job ended, told by its cause, and whether another one may end differently."""

from dataclasses import dataclass
from typing import Literal

from services.training.models import DAMAGED, DISK_FULL, OUT_OF_MEMORY, Job
from shared.runtime.errors import AnnealError, disk_is_full
from shared.runtime.jobs.engine_runs import EngineOutcome, Message
from shared.runtime.jobs.leases import Lease

CLOSING_GRACE = 20.0
"""Seconds that a job has to write its checkpoint when the platform stops."""
PAUSING_GRACE = 600.0
"""A large model's step and checkpoint may take minutes, and nobody waits for the pause."""
CANCEL_GRACE = 5.0

REMEDIES = {
    OUT_OF_MEMORY: "Set max_length lower, use qlora, or a smaller base model.",
    DISK_FULL: "Free disk space where the platform keeps its data, then resume the job, or train again.",
    "diverged": "Set learning_rate lower, or max_grad_norm lower.",
    "killed": "If this repeats, it may need more memory than there is: set micro_batch_tokens lower.",
}
UNKNOWN = frozenset(("engine_crashed", "killed", "platform_error", DAMAGED))
"""Perhaps a mishap: tried again from the last checkpoint. Any other cause would end the same way again."""


@dataclass(frozen=True)
class Ended:
    """How an attempt ended: `finished` with the engine's result, `stopped` as told, or `failed` with a cause.

    `result` is the engine's last word; empty where it said none. `longest` training row in tokens, 0 where the engine
    did not come as far as to know it.
    """

    how: Literal["finished", "stopped", "failed"]
    result: Message
    cause: str = ""
    detail: str = ""
    longest: int = 0

    @property
    def may_help(self) -> bool:
        """Whether trying again can end differently; the kernel looks at the whole machine when it ends an engine."""
        return self.cause in UNKNOWN or (self.cause == OUT_OF_MEMORY and not self.result)


def grace(lease: Lease[Job]) -> float:
    """Seconds that the engine has to end by itself."""
    if lease.lost or lease.wanted == "cancel":
        return CANCEL_GRACE
    return CLOSING_GRACE if lease.closing else PAUSING_GRACE


def how_it_ended(ending: EngineOutcome, longest: int = 0) -> Ended:
    """From the engine's last message, the signal that ended it, and whether it was told to end."""
    last = ending.last
    if last is not None and last["kind"] == "result":
        return Ended("stopped" if last.get("stopped") or last.get("cancelled") else "finished", last)
    if ending.stop_requested:
        return Ended("stopped", {})
    if last is not None:
        cause, detail = last["code"], last["detail"]
        return Ended("failed", last, cause, _sentence(detail, last.get("remedy") or REMEDIES.get(cause)), longest)
    if ending.out_of_memory:
        text = "The machine ran out of memory, and its kernel ended the engine."
        return Ended("failed", {}, OUT_OF_MEMORY, _sentence(text, REMEDIES[OUT_OF_MEMORY]), longest)
    number = ending.signal
    text = f"The engine was ended by signal {number}." if number else "The engine ended without a result."
    return Ended("failed", {}, "killed", _sentence(text, REMEDIES["killed"]))


def broken_by(error: Exception) -> Ended:
    """A failure on our side of the engine: named ones and a full disk stay so, anything else may pass."""
    if disk_is_full(error):
        return Ended("failed", {}, DISK_FULL, f"The disk is full. {REMEDIES[DISK_FULL]}")
    if isinstance(error, AnnealError):
        return Ended("failed", {}, error.code, " ".join(filter(None, (error.detail, error.remedy))))
    return Ended("failed", {}, "platform_error", str(error) or type(error).__name__)


def _sentence(detail: str, remedy: str | None) -> str:
    text = detail if detail.endswith((".", "!", "?")) else f"{detail}."
    return f"{text} {remedy}" if remedy else text
