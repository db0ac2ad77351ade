"""A receiver of webhooks behind a real socket: it records requests, and answers as a test decides."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from tests.support.asgi_server import serving
from tests.support.platform import TIMEOUT_S


@dataclass(frozen=True)
class Received:
    """One request."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]


@dataclass
class Receiver:
    """`statuses` are answered first, one each, then 204. While `answering` is not set, requests get none."""

    statuses: list[int] = field(default_factory=list)
    location: str = ""
    answering: asyncio.Event = field(default_factory=asyncio.Event)
    requests: asyncio.Queue[Received] = field(default_factory=asyncio.Queue)
    url: str = ""

    async def next(self) -> Received:
        """The next request."""
        async with asyncio.timeout(TIMEOUT_S):
            return await self.requests.get()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        body = await request.body()
        status = self.statuses.pop(0) if self.statuses else 204
        self.requests.put_nowait(Received(request.url.path, dict(request.headers), body))
        if not self.answering.is_set():
            answering, gone = asyncio.create_task(self.answering.wait()), asyncio.create_task(receive())
            _, pending = await asyncio.wait((answering, gone), return_when=asyncio.FIRST_COMPLETED)
            for task in pending:
                task.cancel()
        await Response(status_code=status, headers={"location": self.location})(scope, receive, send)


@asynccontextmanager
async def run_receiver() -> AsyncIterator[Receiver]:
    """Run a receiver that answers."""
    receiver = Receiver()
    receiver.answering.set()
    async with serving(receiver) as receiver.url:
        try:
            yield receiver
        finally:
            receiver.answering.set()
