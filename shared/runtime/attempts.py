"""One attempt at leased work in an engine child: its messages, its owner's wishes, and every way it can end."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from shared.documents.entities import Changed
from shared.runtime.children import Child
from shared.runtime.leases import Lease, LeaseLost, W
from shared.runtime.work import Work
from shared.runtime.worker import MAX_ATTEMPTS

Message = dict[str, Any]
OnMessage = Callable[[Message], Awaitable[None]]

GRACE = 10.0
"""Seconds between asking an engine to stop and ending it."""


async def attempt(child: Child, lease: Lease[W], on_message: OnMessage, *, grace: float = GRACE) -> Message | None:
    """Follow `child` to its end; `on_message` sees everything but how it ended.

    Returns the engine's result. None when there is nothing left to do, because the work was cancelled, failed or went
    back to the queue (the process closes, or the child died and attempts are left). Raises LeaseLost.
    """
    following = asyncio.create_task(_follow(child, on_message))
    attention = asyncio.create_task(lease.attention())
    try:
        await asyncio.wait({following, attention}, return_when=asyncio.FIRST_COMPLETED)
        if not following.done():
            await child.stop(0.0 if lease.lost else grace)
            await following
            await _interrupted(lease)
            return None
        return await _ended(following.result(), lease)
    finally:
        attention.cancel()
        await child.kill()
        following.cancel()


async def _follow(child: Child, on_message: OnMessage) -> Message | None:
    """The engine's last word: its result, its failure, or None when it died without one."""
    end: Message | None = None
    async for message in child.messages():
        if message["kind"] in ("result", "failed"):
            end = message
        else:
            await on_message(message)
    return end


async def _interrupted(lease: Lease[W]) -> None:
    if lease.lost:
        raise LeaseLost("The lease was taken over.")
    if lease.wanted == "cancel":
        await lease.change(lambda work: work.cancelled())
    else:
        await lease.change(lambda work: work.hand_back(counts=False))


async def _ended(end: Message | None, lease: Lease[W]) -> Message | None:
    if end is None:
        await lease.change(_died)
        return None
    if end["kind"] == "result":
        return end
    detail = " ".join(text for text in (end["detail"], end.get("remedy")) if text)
    await lease.change(lambda work: work.fail(end["code"], detail))
    return None


def _died(work: Work) -> Changed:
    """Killed from outside, out of memory perhaps: once more while attempts are left."""
    if work.attempts >= MAX_ATTEMPTS:
        return work.fail("worker_lost", f"Its engine was killed {work.attempts} times; it may need more memory.")
    work.hand_back(counts=True)
    return ()
