"""One attempt at leased work in an engine child: its messages, its owner's wishes, and every way it can end."""

import asyncio
import signal
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from shared.documents.entities import Changed
from shared.runtime.jobs.leases import Lease, LeaseLost, W
from shared.runtime.jobs.work import Work
from shared.runtime.jobs.worker import MAX_ATTEMPTS
from shared.runtime.processes.children import Child
from shared.runtime.processes.oom_kills import count_oom_kills

Message = dict[str, Any]
OnMessage = Callable[[Message], Awaitable[None]]
Grace = Callable[[Lease[W]], float]
"""Seconds that an engine has to end by itself, by what its lease says now."""

GRACE = 10.0
LOOK = 0.1


@dataclass(frozen=True)
class EngineOutcome:
    """How an engine ended.

    `last` is its `result` or `failed` message, None where it sent neither. `stop_requested`: its owner, a lost lease or
    a closing process asked it to stop. `out_of_memory`: nobody asked, and the kernel killed processes to free memory.
    """

    last: Message | None
    signal: int | None = None
    stop_requested: bool = False
    out_of_memory: bool = False


def default_grace(lease: Lease[W]) -> float:
    """The plain grace; nothing that is written without a lease is of use."""
    return 0.0 if lease.lost else GRACE


async def follow_engine(
    child: Child, lease: Lease[W], on_message: OnMessage, grace: Grace[W] = default_grace
) -> EngineOutcome:
    """Follow an engine to its end: pass its messages on, and forward its owner's commands to it.

    `on_message` receives every message but the last; an exception that it raises ends the engine.
    """
    kills, interrupting = count_oom_kills(), asyncio.create_task(_interrupt_engine(child, lease, grace))
    try:
        last: Message | None = None
        async for message in child.messages():
            if message["kind"] in ("result", "failed"):
                last = message
            else:
                await on_message(message)
        number, told = (await child.wait()).signal, interrupting.done() or lease.interrupt_requested
        killed = number == signal.SIGKILL and not told
        return EngineOutcome(last, number, told, out_of_memory=killed and count_oom_kills() > kills)
    finally:
        interrupting.cancel()
        await child.kill()


async def _interrupt_engine(child: Child, lease: Lease[W], grace: Grace[W]) -> None:
    """Tell the engine what is wanted; end it when it does not listen in time."""
    await lease.wait_for_interrupt()
    told, since = "", 0.0
    while True:
        wish = "cancel" if lease.lost or lease.wanted == "cancel" else "stop"
        if wish != told:
            told, since = wish, time.monotonic()
            await child.send({"op": wish})
        if time.monotonic() - since >= grace(lease):
            await child.kill()
            return
        await asyncio.sleep(LOOK)


async def run_to_result(child: Child, lease: Lease[W], on_message: OnMessage) -> Message | None:
    """Follow work that keeps nothing of an attempt that was ended: it begins anew, or not at all.

    Returns the engine's result. None when there is nothing left to do, because the work was cancelled, failed or went
    back to the queue (the process closes, or the child died and attempts are left). Raises LeaseLost.
    """
    outcome = await follow_engine(child, lease, on_message)
    if outcome.stop_requested:
        await _interrupted(lease)
        return None
    return await _ended(outcome, lease)


async def _interrupted(lease: Lease[W]) -> None:
    """What becomes of work whose engine was told to end. Raises LeaseLost where another worker has it."""
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
    detail = " ".join(text for text in (outcome.last["detail"], outcome.last.get("remedy")) if text)
    await lease.change(lambda work: work.fail(code, detail))
    return None


def retry_or_fail(work: Work, outcome: EngineOutcome) -> Changed:
    """Its engine was killed: once more while attempts are left, for what pressed on the memory may have passed."""
    if work.attempts < MAX_ATTEMPTS:
        work.hand_back(counts=True)
        return ()
    if outcome.out_of_memory:
        return work.fail("out_of_memory", f"The machine ran out of memory {work.attempts} times under its engine.")
    return work.fail("worker_lost", f"Its engine was killed {work.attempts} times; it may need more memory.")
