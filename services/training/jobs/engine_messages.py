"""What an attempt's engine says: recorded, and its checkpoints stored while it trains on."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from prometheus_client import Counter

from services.training.jobs.checkpoints import store_checkpoint
from services.training.jobs.log_writer import Recorder
from services.training.jobs.token_caches import TokenCaches
from services.training.models import Job
from shared.blobs.protocol import Blobs
from shared.runtime.errors import disk_is_full
from shared.runtime.jobs.engine_runs import Message
from shared.runtime.jobs.leases import Lease

_NOT_STORED = (
    "The disk is full: the checkpoint of step {} is not stored. Training goes on; the checkpoint before it stays."
)
PASSED_ON = frozenset(("log", "metric", "progress", "evaluation", "samples", "provenance", "usage"))


class Hearing:
    """Hears one attempt. Checkpoints are stored one after the other, beside its training.

    The engine waits only where it writes one before the one before is stored. `longest` is the longest training row in
    tokens, once the engine knows it, else 0.
    """

    def __init__(
        self, blobs: Blobs, tokens: TokenCaches, trained: Counter, job: Job, lease: Lease[Job], recorder: Recorder
    ) -> None:
        """`trained` counts tokens by method."""
        self._blobs, self._tokens, self._job, self._lease, self._recorder = blobs, tokens, job, lease, recorder
        self._trained = trained.labels(job.method)
        self._storing: asyncio.Task[None] | None = None
        self._keeping: list[asyncio.Task[None]] = []
        self.longest = 0

    @classmethod
    @asynccontextmanager
    async def open(
        cls, blobs: Blobs, tokens: TokenCaches, trained: Counter, job: Job, lease: Lease[Job], recorder: Recorder
    ) -> AsyncIterator["Hearing"]:
        """Nothing is stored any more behind the block; a checkpoint that was not stored by then does not exist."""
        hearing = cls(blobs, tokens, trained, job, lease, recorder)
        try:
            yield hearing
        finally:
            left = [*hearing._keeping, *([hearing._storing] if hearing._storing else [])]
            for task in left:
                task.cancel()
            await asyncio.gather(*left, return_exceptions=True)

    async def finished(self) -> None:
        """Wait until everything so far is stored; raises what kept a checkpoint from it."""
        await self._stored()
        await asyncio.gather(*self._keeping)

    async def _stored(self) -> None:
        if self._storing is not None:
            await self._storing

    async def hear(self, message: Message) -> None:
        """Take one message, waiting while too much waits to be written."""
        values: dict[str, Any] = {name: value for name, value in message.items() if name != "kind"}
        match message["kind"]:
            case "checkpoint":
                await self._stored()
                await self._recorder.flush()  # what led to it must not be lost once it is the point to go on from
                self._storing = asyncio.create_task(self._store(message))
            case "tokens":
                self._keeping.append(asyncio.create_task(self._tokens.keep(self._job, message)))
            case "settled":
                self.longest = values["longest"]
            case "resumed":
                self._recorder.log("info", f"Going on from the checkpoint at step {values['step']}.")
            case kind if kind in PASSED_ON:
                self._count(kind, values)
                self._recorder.record(kind, **values)
        await self._recorder.settle()

    async def _store(self, message: Message) -> None:
        try:
            stored = await store_checkpoint(self._blobs, self._job, self._lease, message)
        except OSError as error:
            if not disk_is_full(error):
                raise
            self._recorder.log("warning", _NOT_STORED.format(message["step"]))
            return
        self._recorder.record("checkpoint", step=stored.step, loss=stored.loss, best=stored.best)

    def _count(self, kind: str, values: dict[str, Any]) -> None:
        """Count what was trained since the last step. Where an attempt goes on, its first step is not counted: what
        the engine tells is the sum over all attempts."""
        before = self._recorder.values.get("metric", {}).get("tokens", None if self._job.latest else 0)
        if kind == "metric" and "tokens" in values and before is not None:
            self._trained.inc(max(0, values["tokens"] - before))
