"""How an attempt at a job ended, why, and whether another attempt may end differently."""

import math
from dataclasses import dataclass
from typing import Literal

from services.training.models import CHECKPOINT_DAMAGED, DISK_FULL, OUT_OF_MEMORY, OUT_OF_TIME, Job
from shared.runtime.errors import AnnealError, disk_is_full, in_sentences
from shared.runtime.jobs.engine_runs import EngineOutcome, Message
from shared.runtime.jobs.leases import Lease
from shared.runtime.processes.server_paths import without_folders
from shared.runtime.processes.watchdog import EngineStalled

SHUTDOWN_GRACE_S = 20.0
"""Time for a job to write its checkpoint when the platform stops."""
PAUSE_GRACE_S = 600.0
"""A large model's step and checkpoint may take minutes, and nobody waits for a pause."""
CANCEL_GRACE_S = 5.0
FINAL_GRACE_S = 600.0
"""Time after `max_minutes` for the last step and evaluation, and to write the model."""

REMEDIES = {
    OUT_OF_MEMORY: "Set max_length lower, use qlora, or a smaller base model.",
    DISK_FULL: "Free disk space where the platform keeps its data, then resume the job, or train again.",
    "diverged": "Set learning_rate lower, or max_grad_norm lower.",
    OUT_OF_TIME: "Set max_minutes higher, or eval_rows lower.",
    "killed": "If this repeats, the job may need more memory than there is: set micro_batch_tokens lower.",
}
RETRYABLE = frozenset(("engine_crashed", "killed", EngineStalled.code, "platform_error", CHECKPOINT_DAMAGED))
"""Causes that may be transient, so the job is retried from its last checkpoint. Any other cause would repeat."""


@dataclass(frozen=True)
class AttemptOutcome:
    """How an attempt ended: `finished` with the engine's result, `stopped` on request, or `failed` with a cause.

    `result`: the engine's last message, empty where it sent none. `longest`: the longest training row in tokens, 0
    where the engine did not get far enough to know it.
    """

    status: Literal["finished", "stopped", "failed"]
    result: Message
    cause: str = ""
    detail: str = ""
    longest: int = 0

    @property
    def retryable(self) -> bool:
        """Whether another attempt may end differently.

        An engine that reports out of memory itself would report it again. The kernel kills one for the memory of the
        whole machine, which may be different by then.
        """
        return self.cause in RETRYABLE or (self.cause == OUT_OF_MEMORY and not self.result)


def grace_period_s(lease: Lease[Job]) -> float:
    """Seconds that the engine has to end by itself."""
    if lease.lost or lease.wanted == "cancel":
        return CANCEL_GRACE_S
    return SHUTDOWN_GRACE_S if lease.closing else PAUSE_GRACE_S


def time_limit_s(job: Job) -> float:
    """Seconds after which an attempt's engine is killed, whatever it does."""
    minutes = job.hyperparameters.get("max_minutes")
    return 60 * minutes + FINAL_GRACE_S if minutes else math.inf


def outcome_of(ending: EngineOutcome, longest: int = 0) -> AttemptOutcome:
    """From the engine's last message, the signal that killed it, and whether it was told to stop."""
    last = ending.last
    if last is not None and last["kind"] == "result":
        return AttemptOutcome("stopped" if last.get("stopped") or last.get("cancelled") else "finished", last)
    if ending.stop_requested:
        return AttemptOutcome("stopped", {})
    if last is not None:
        cause, detail = last["code"], in_sentences(last["detail"], last.get("remedy") or REMEDIES.get(last["code"]))
        return AttemptOutcome("failed", last, cause, detail, longest)
    if ending.stalled:
        return AttemptOutcome("failed", {}, ending.stalled.code, ending.stalled.detail, longest)
    if ending.out_of_memory:
        text = "The machine ran out of memory, and the kernel killed the engine."
        return AttemptOutcome("failed", {}, OUT_OF_MEMORY, in_sentences(text, REMEDIES[OUT_OF_MEMORY]), longest)
    if ending.out_of_time:
        text = f"The engine did not end within {FINAL_GRACE_S / 60:g} minutes after max_minutes, so it was killed."
        return AttemptOutcome("failed", {}, OUT_OF_TIME, in_sentences(text, REMEDIES[OUT_OF_TIME]))
    number = ending.signal
    text = f"The engine was killed by signal {number}." if number else "The engine ended without a result."
    return AttemptOutcome("failed", {}, "killed", in_sentences(text, REMEDIES["killed"]))


def outcome_of_error(error: Exception) -> AttemptOutcome:
    """From an error of the platform: coded errors and a full disk keep their cause, anything else may be transient."""
    if disk_is_full(error):
        return AttemptOutcome("failed", {}, DISK_FULL, f"The disk is full. {REMEDIES[DISK_FULL]}")
    if isinstance(error, AnnealError):
        return AttemptOutcome("failed", {}, error.code, in_sentences(error.detail, error.remedy))
    return AttemptOutcome("failed", {}, "platform_error", without_folders(str(error)) or type(error).__name__)
