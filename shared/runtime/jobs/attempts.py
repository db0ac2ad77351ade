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
from shared.runtime.processes.oom import oom_kills

Message = dict[str, Any]
OnMessage = Callable[[Message], Awaitable[None]]
Grace = Callable[[Lease[W]], float]
"""Seconds that an engine has to end by itself, by what its lease says now."""

GRACE = 10.0
LOOK = 0.1


@dataclass(frozen=True)
class Ending:
    """How an engine ended.

    `last` is its result or its failure, None where it said neither. `told`: it was asked to end, by its owner, a lost
    lease, or a process that closes. `out_of_memory`: nobody asked, and the kernel ended processes to free memory.
    """

    last: Message | None
    signal: int | None = None
    told: bool = False
    out_of_memory: bool = False


def soon(lease: Lease[W]) -> float:
    """The plain grace; nothing that is written without a lease is of use."""
    return 0.0 if lease.lost else GRACE


async def follow(child: Child, lease: Lease[W], on_message: OnMessage, grace: Grace[W] = soon) -> Ending:
    """Follow an engine to its end, passing its messages on and its owner's wishes in.

    `on_message` sees everything but the last word; what it raises ends the engine.
    """
    kills, steering = oom_kills(), asyncio.create_task(_steer(child, lease, grace))
    try:
        last: Message | None = None
        async for message in child.messages():
            if message["kind"] in ("result", "failed"):
                last = message
            else:
                await on_message(message)
        number, told = (await child.wait()).signal, steering.done() or lease.disturbed
        killed = number == signal.SIGKILL and not told
        return Ending(last, number, told, out_of_memory=killed and oom_kills() > kills)
    finally:
        steering.cancel()
        await child.kill()


async def _steer(child: Child, lease: Lease[W], grace: Grace[W]) -> None:
    """Tell the engine what is wanted; end it when it does not listen in time."""
    await lease.attention()
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


async def attempt(child: Child, lease: Lease[W], on_message: OnMessage) -> Message | None:
    """Follow work that keeps nothing of an attempt that was ended: it begins anew, or not at all.

    Returns the engine's result. None when there is nothing left to do, because the work was cancelled, failed or went
    back to the queue (the process closes, or the child died and attempts are left). Raises LeaseLost.
    """
    ending = await follow(child, lease, on_message)
    if ending.told:
        await _interrupted(lease)
        return None
    return await _ended(ending, lease)


async def _interrupted(lease: Lease[W]) -> None:
    """What becomes of work whose engine was told to end. Raises LeaseLost where another worker has it."""
    if lease.lost:
        raise LeaseLost("The lease was taken over.")
    if lease.wanted == "cancel":
        await lease.change(lambda work: work.cancelled())
    else:
        await lease.change(lambda work: work.hand_back(counts=False))


async def _ended(ending: Ending, lease: Lease[W]) -> Message | None:
    if ending.last is None:
        await lease.change(lambda work: died(work, ending))
        return None
    if ending.last["kind"] == "result":
        return ending.last
    code = ending.last["code"]
    detail = " ".join(text for text in (ending.last["detail"], ending.last.get("remedy")) if text)
    await lease.change(lambda work: work.fail(code, detail))
    return None


def died(work: Work, ending: Ending) -> Changed:
    """Its engine was killed: once more while attempts are left, for what pressed on the memory may have passed."""
    if work.attempts < MAX_ATTEMPTS:
        work.hand_back(counts=True)
        return ()
    if ending.out_of_memory:
        return work.fail("out_of_memory", f"The machine ran out of memory {work.attempts} times under its engine.")
    return work.fail("worker_lost", f"Its engine was killed {work.attempts} times; it may need more memory.")
