"""One run of an engine process for leased work: its messages, its owner's commands, and its outcome."""

import asyncio
import math
import signal
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from shared.documents.entities import Changed
from shared.runtime.errors import in_sentences
from shared.runtime.jobs.leases import Lease, LeaseLost, W
from shared.runtime.jobs.work import Work
from shared.runtime.jobs.worker import MAX_ATTEMPTS
from shared.runtime.processes.children import Child
from shared.runtime.processes.oom_kills import count_oom_kills
from shared.runtime.processes.watchdog import EngineStalled, watched

Message = dict[str, Any]
OnMessage = Callable[[Message], Awaitable[None]]
Grace = Callable[[Lease[W]], float]
"""Seconds that an engine has to stop by itself, given its lease."""

STOP_GRACE_S = 10.0
POLL_S = 0.1


@dataclass(frozen=True)
class EngineOutcome:
    """How an engine ended.

    `last` is its `result` or `failed` message, None where it sent neither. `stop_requested`: its owner, a lost lease or
    a closing process asked it to stop. `out_of_memory`: nobody asked, and the kernel killed processes to free memory.
    `stalled`: it was killed for this lack of progress. `out_of_time`: it was killed when its limit passed.
    """

    last: Message | None
    signal: int | None = None
    stop_requested: bool = False
    out_of_memory: bool = False
    stalled: EngineStalled | None = None
    out_of_time: bool = False


def default_grace(lease: Lease[W]) -> float:
    """The default grace period; none without a lease, which makes all writes useless."""
    return 0.0 if lease.lost else STOP_GRACE_S


async def follow_engine(
    child: Child,
    lease: Lease[W],
    on_message: OnMessage,
    grace: Grace[W] = default_grace,
    size: int = 0,
    limit_s: float = math.inf,
) -> EngineOutcome:
    """Follow an engine to its end: pass its messages on, and forward its owner's commands to it.

    `on_message` receives every message but the last; an exception that it raises ends the engine. The `size`
    in bytes of what it reads extends the time that it may take between two signs of life (watchdog.py). After `limit_s`
    seconds it is killed, whatever it does.
    """
    ends_at, late = time.monotonic() + limit_s, asyncio.create_task(_kill_after(limit_s, child))
    kills, interrupting = count_oom_kills(), asyncio.create_task(_interrupt_engine(child, lease, grace))
    try:
        last: Message | None = None
        try:
            async for message in watched(child, size):
                if message["kind"] in ("result", "failed"):
                    last = message
                else:
                    await on_message(message)
        except EngineStalled as stalled:
            return EngineOutcome(None, signal.SIGKILL, lease.interrupt_requested, stalled=stalled)
        number, stop_requested = (await child.wait()).signal, interrupting.done() or lease.interrupt_requested
        killed = number == signal.SIGKILL and not stop_requested
        out_of_time = killed and time.monotonic() >= ends_at
        out_of_memory = killed and not out_of_time and count_oom_kills() > kills
        return EngineOutcome(last, number, stop_requested, out_of_memory, out_of_time=out_of_time)
    finally:
        late.cancel()
        interrupting.cancel()
        await child.kill()


async def _kill_after(seconds: float, child: Child) -> None:
    await asyncio.sleep(seconds)
    await child.kill()


async def _interrupt_engine(child: Child, lease: Lease[W], grace: Grace[W]) -> None:
    """Send the engine its owner's command, and kill it after the grace period."""
    await lease.wait_for_interrupt()
    sent, since = "", 0.0
    while True:
        command = "cancel" if lease.lost or lease.wanted == "cancel" else "stop"
        if command != sent:
            sent, since = command, time.monotonic()
            await child.send({"op": command})
        if time.monotonic() - since >= grace(lease):
            await child.kill()
            return
        await asyncio.sleep(POLL_S)


async def run_to_result(child: Child, lease: Lease[W], on_message: OnMessage, size: int = 0) -> Message | None:
    """Run work that cannot resume: an interrupted attempt restarts from the beginning.

    Return the engine's result. None when the work was cancelled, failed or requeued (the process closes, or the engine
    died with attempts left). Raises LeaseLost.
    """
    outcome = await follow_engine(child, lease, on_message, size=size)
    if outcome.stop_requested:
        await _interrupted(lease)
        return None
    return await _ended(outcome, lease)


async def _interrupted(lease: Lease[W]) -> None:
    """Cancel or requeue work whose engine was asked to stop. Raises LeaseLost where another worker holds it."""
    if lease.lost:
        raise LeaseLost("The lease was taken over.")
    if lease.wanted == "cancel":
        await lease.change(lambda work: work.mark_cancelled())
    else:
        await lease.change(lambda work: work.hand_back(counts=False))


async def _ended(outcome: EngineOutcome, lease: Lease[W]) -> Message | None:
    if outcome.last is None:
        await lease.change(lambda work: retry_or_fail(work, outcome))
        return None
    if outcome.last["kind"] == "result":
        return outcome.last
    code = outcome.last["code"]
    detail, remedy = outcome.last["detail"], outcome.last.get("remedy")
    detail = in_sentences(detail, remedy) if remedy else detail
    await lease.change(lambda work: work.fail(code, detail))
    return None


def retry_or_fail(work: Work, outcome: EngineOutcome) -> Changed:
    """Retry work whose engine was killed, since memory pressure may have passed; without attempts left, fail it."""
    if work.attempts < MAX_ATTEMPTS:
        work.hand_back(counts=True)
        return ()
    if outcome.stalled:
        return work.fail(outcome.stalled.code, f"{outcome.stalled.detail} It was tried {work.attempts} times.")
    if outcome.out_of_memory:
        return work.fail("out_of_memory", f"The machine ran out of memory {work.attempts} times while its engine ran.")
    return work.fail("worker_lost", f"Its engine was killed {work.attempts} times; it may need more memory.")
