"""One attempt at a job: the engine child, its messages, its owner's wishes, and how it ended."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Literal

from services.training.models import DAMAGED, Job
from shared.runtime.children import Child
from shared.runtime.leases import Lease

Message = dict[str, Any]

CLOSING_GRACE = 20.0
"""Seconds that a job has to write its checkpoint when the platform stops."""
PAUSING_GRACE = 600.0
"""A large model's step and checkpoint may take minutes, and nobody waits for the pause."""
CANCEL_GRACE = 5.0
LOOK = 0.1

REMEDIES = {
    "out_of_memory": "Set micro_batch_tokens or max_length lower, use qlora, or a smaller base model.",
    "disk_full": "Free disk space where the platform keeps its data, then train again.",
    "diverged": "Set learning_rate lower, or max_grad_norm lower.",
    "killed": "If this repeats, it may need more memory than there is: set micro_batch_tokens lower.",
}
UNKNOWN = frozenset(("engine_crashed", "killed", "platform_error", DAMAGED))
"""Perhaps a mishap: tried again from the last checkpoint. Any other cause would end the same way again."""


@dataclass(frozen=True)
class Ended:
    """How an attempt ended: `finished` with the engine's result, `stopped` as told, or `failed` with a cause."""

    how: Literal["finished", "stopped", "failed"]
    result: Message
    cause: str = ""
    detail: str = ""

    @property
    def may_help(self) -> bool:
        """Whether trying again can end differently."""
        return self.cause in UNKNOWN


async def follow(child: Child, lease: Lease[Job], on_message: Callable[[Message], Awaitable[None]]) -> Ended:
    """Follow an engine to its end, passing its messages on and its owner's wishes in."""
    steering = asyncio.create_task(steer(child, lease))
    try:
        end: Message | None = None
        async for message in child.messages():
            if message["kind"] in ("result", "failed"):
                end = message
            else:
                await on_message(message)
        told = steering.done() or lease.wanted != "run" or lease.closing
        return how_it_ended(end, (await child.wait()).signal, told)
    finally:
        steering.cancel()
        await child.kill()


async def steer(child: Child, lease: Lease[Job]) -> None:
    """Tell the engine what is wanted; end it when it does not listen in time."""
    await lease.attention()
    told, since = "", 0.0
    while True:
        wish = "cancel" if lease.lost or lease.wanted == "cancel" else "stop"
        if wish != told:
            told, since = wish, time.monotonic()
            await child.send({"op": wish})
        if time.monotonic() - since > _grace(lease):
            await child.kill()
            return
        await asyncio.sleep(LOOK)


def _grace(lease: Lease[Job]) -> float:
    if lease.lost or lease.wanted == "cancel":
        return CANCEL_GRACE
    return CLOSING_GRACE if lease.closing else PAUSING_GRACE


def how_it_ended(end: Message | None, signal: int | None, told: bool) -> Ended:
    """From the engine's last message, the signal that ended it, and whether it was told to end."""
    if end is not None and end["kind"] == "result":
        return Ended("stopped" if end.get("stopped") or end.get("cancelled") else "finished", end)
    if told:
        return Ended("stopped", {})
    if end is not None:
        cause, detail = end["code"], end["detail"]
        return Ended("failed", end, cause, _sentence(detail, end.get("remedy") or REMEDIES.get(cause)))
    text = f"The engine was ended by signal {signal}." if signal else "The engine ended without a result."
    return Ended("failed", {}, "killed", _sentence(text, REMEDIES["killed"]))


def _sentence(detail: str, remedy: str | None) -> str:
    text = detail if detail.endswith((".", "!", "?")) else f"{detail}."
    return f"{text} {remedy}" if remedy else text
