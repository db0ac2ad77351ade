"""Handles the messages of an attempt's engine: writes them to the job's log, and stores its checkpoints meanwhile."""

import asyncio
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from prometheus_client import Counter

from services.training.jobs.checkpoints import store_checkpoint
from services.training.jobs.log_writer import LogWriter
from services.training.jobs.token_caches import TokenCaches
from services.training.models import Job
from shared.blobs.protocol import Blobs
from shared.runtime.errors import disk_is_full
from shared.runtime.jobs.engine_runs import Message
from shared.runtime.jobs.leases import Lease

_NOT_STORED = (
    "The disk is full: the checkpoint of step {} is not stored. Training continues; the previous checkpoint is kept."
)
_STORED_LATER = "{} The checkpoint of step {} will be stored after the outage. Training continues."
_REPLACED = "The checkpoint of step {} could not be stored before the next one, and is dropped."
LOGGED_KINDS = frozenset(("log", "metric", "progress", "evaluation", "samples", "provenance", "usage"))


class EngineMessageHandler:
    """Handles the messages of one attempt. Checkpoints are stored one at a time, while training continues.

    The engine waits only where it writes a checkpoint before the previous one is stored. In an outage of the blob store
    the newer one replaces it. `longest`: the longest training row in tokens, 0 until the engine knows it.
    """

    def __init__(
        self, blobs: Blobs, tokens: TokenCaches, trained: Counter, job: Job, lease: Lease[Job], log_writer: LogWriter
    ) -> None:
        """`trained` counts tokens by method."""
        self._blobs, self._tokens, self._job, self._lease, self._log_writer = blobs, tokens, job, lease, log_writer
        self._trained = trained.labels(job.method)
        self._unstored: list[Message] = []
        """Checkpoints, oldest first: at most the best one and the latest."""
        self._storing_checkpoint: asyncio.Task[None] | None = None
        self._outage = asyncio.Event()
        self._storing_tokens: list[asyncio.Task[None]] = []
        self.longest = 0

    @classmethod
    @asynccontextmanager
    async def open(
        cls, blobs: Blobs, tokens: TokenCaches, trained: Counter, job: Job, lease: Lease[Job], log_writer: LogWriter
    ) -> AsyncIterator["EngineMessageHandler"]:
        """Cancels what is still being stored when the block ends: a checkpoint that is not stored does not exist."""
        handler = cls(blobs, tokens, trained, job, lease, log_writer)
        try:
            yield handler
        finally:
            checkpoint = [handler._storing_checkpoint] if handler._storing_checkpoint else []
            pending = [*handler._storing_tokens, *checkpoint]
            for task in pending:
                task.cancel()
            await asyncio.gather(*pending, return_exceptions=True)

    async def wait_until_stored(self) -> None:
        """Wait until everything so far is stored. Raises the error that kept a checkpoint from being stored."""
        await self._checkpoint_stored()
        await asyncio.gather(*self._storing_tokens)

    async def _checkpoint_stored(self) -> None:
        if self._storing_checkpoint is not None:
            await self._storing_checkpoint

    async def handle(self, message: Message) -> None:
        """Handle one message; slows the engine down while too many records wait to be written."""
        values: dict[str, Any] = {name: value for name, value in message.items() if name != "kind"}
        match message["kind"]:
            case "checkpoint":
                await self._checkpoint_stored_or_replaced(message)
                await self._flush()  # a resume from this checkpoint does not repeat the records before it
                self._unstored.append(message)
                self._storing_checkpoint = asyncio.create_task(self._store_checkpoints())
            case "tokens":
                self._storing_tokens.append(asyncio.create_task(self._tokens.store(self._job, message)))
            case "settled":
                self.longest = values["longest"]
            case "warning":
                self._log_writer.warn(values)
            case "resumed":
                self._log_writer.log("info", f"Resuming from the checkpoint at step {values['step']}.")
            case kind if kind in LOGGED_KINDS:
                self._count_tokens(kind, values)
                self._log_writer.record(kind, **values)
        if self._log_writer.is_full:
            await self._flush()

    async def _flush(self) -> None:
        """Write the pending records; the engine waits meanwhile, also for the end of an outage."""
        await self._lease.outlast_outages(self._log_writer.flush, lambda detail: None)

    async def _checkpoint_stored_or_replaced(self, newer: Message) -> None:
        """Wait until the previous checkpoint is stored; in an outage, drop it unless it alone has the best weights."""
        if (storing := self._storing_checkpoint) is None:
            return None
        outage = asyncio.create_task(self._outage.wait())
        await asyncio.wait((storing, outage), return_when=asyncio.FIRST_COMPLETED)
        outage.cancel()
        if storing.done():
            return await storing
        storing.cancel()
        await asyncio.gather(storing, return_exceptions=True)
        for message in [*self._unstored]:
            if newer.get("best") or not message.get("best"):
                self._unstored.remove(message)
                self._log_writer.log("warning", _REPLACED.format(message["step"]))
                await asyncio.to_thread(shutil.rmtree, message["path"], ignore_errors=True)
        return None

    async def _store_checkpoints(self) -> None:
        while self._unstored:
            step = self._unstored[0]["step"]

            def report(detail: str, step: int = step) -> None:
                self._outage.set()
                self._log_writer.log("warning", _STORED_LATER.format(detail, step))

            await self._lease.outlast_outages(lambda: self._store_checkpoint(self._unstored[0]), report)
            self._outage.clear()
            del self._unstored[0]

    async def _store_checkpoint(self, message: Message) -> None:
        try:
            stored = await store_checkpoint(self._blobs, self._job, self._lease, message)
        except OSError as error:
            if not disk_is_full(error):
                raise
            self._log_writer.log("warning", _NOT_STORED.format(message["step"]))
            return
        self._log_writer.record("checkpoint", step=stored.step, loss=stored.loss, best=stored.best)

    def _count_tokens(self, kind: str, values: dict[str, Any]) -> None:
        """Count the tokens trained on since the last step.

        The engine reports the sum over all attempts, so the first step after a resume is not counted.
        """
        before = self._log_writer.values.get("metric", {}).get("tokens", None if self._job.latest else 0)
        if kind == "metric" and "tokens" in values and before is not None:
            self._trained.inc(max(0, values["tokens"] - before))
