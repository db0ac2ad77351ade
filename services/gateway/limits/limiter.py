"""Admits requests within the limits of their key and project, and counts what they use."""

import math
import re
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, nullcontext

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.gateway.limits.errors import BodyTooLarge, QuotaExceeded, RateLimited, rate_limited, too_many_open
from services.gateway.limits.policy import Policy, Target
from services.gateway.limits.quotas import QUOTAS, Quotas
from services.gateway.limits.usage import SlidingWindow, Usage
from shared.runtime.errors import AnnealError, answer
from shared.runtime.http.connections import connection_limit
from shared.runtime.http.multipart import drain
from shared.runtime.http.principal import Principal
from shared.runtime.http.routes import BodyKind, Route
from shared.runtime.settings import Settings

FORM_OVERHEAD_BYTES = 1 << 20
"""What multipart boundaries and form fields may add to the size of a file."""
TOKENS_HEADER = "x-anneal-tokens"
"""The inference service reports here the tokens of a whole response, or of a streamed one at its begin."""
STREAMED_TOKENS = re.compile(rb"^: tokens (\d+)\n\n", re.MULTILINE)
"""The comment after each event of a stream of the inference service: the tokens of prompt and answer so far.

No JSON in an event has a line like it.
"""
STREAM_RETRY_S = 1.0
EXEMPT = frozenset(
    {
        "/auth/limits/{target}",
        "/auth/keys/{key_id}",
        "/auth/projects/{project}/members/{user}",
        "/auth/users/{user_id}/disable",
    }
)
"""Not counted: an admin or the operator can raise a limit that is used up, and end the credential that uses it up."""
OPEN_SHARE = {"key": 0.5, "project": 0.75}
"""The part of the process's connections that the open requests of one may use: no one keeps the others out."""
LIMIT_OF = {"requests": "requests_per_minute", "tokens": "tokens_per_minute", "upload_bytes": "upload_bytes_per_day"}
NAME_OF = {limit: name for name, limit in LIMIT_OF.items()}
SETTING_OF: dict[BodyKind, str] = {"json": "json_limit", "completion": "completion_limit", "upload": "upload_limit"}


class Limiter:
    """Decides what is forwarded."""

    def __init__(
        self, policy: Policy, usage: Usage, quotas: Quotas, settings: Settings, connections: int = connection_limit()
    ) -> None:
        self._policy, self._usage, self._quotas = policy, usage, quotas
        self._max_open = {per: int(share * connections) for per, share in OPEN_SHARE.items()}
        self._open = Counter[str]()
        self.body_bytes: dict[BodyKind, int] = {kind: getattr(settings, name) for kind, name in SETTING_OF.items()}
        self.body_bytes["upload"] += FORM_OVERHEAD_BYTES

    @asynccontextmanager
    async def admit(self, route: Route, scope: Scope, caller: Principal | None) -> AsyncIterator["Admitted"]:
        """Count a request, for as long as it is served. Raises RateLimited or QuotaExceeded before that.

        Of several requests at once, one takes the last unit of a limit; requests that queue jobs of a project with
        quotas are served one after another.
        """
        kind = route.body if route.body != "upload" or _is_form(scope) else "json"
        targets = await self._policy.targets(caller) if caller else None
        if caller is None or targets is None or route.pattern in EXEMPT:
            with self._counted_open(targets[:1] if targets else ()):
                yield Admitted(self._usage, (), kind, self.body_bytes[kind], streams=False)
            return
        with self._counted_open(targets):
            async with self._admit(route, scope, caller, targets, kind) as admitted:
                yield admitted

    @asynccontextmanager
    async def _admit(
        self, route: Route, scope: Scope, caller: Principal, targets: tuple[Target, Target], kind: BodyKind
    ) -> AsyncIterator["Admitted"]:
        limited = [target for target in targets if target.limits != type(target.limits)()]
        names = ["requests", *(["tokens"] if route.streams else []), *(["upload_bytes"] if kind == "upload" else [])]
        counted = [
            (target, name) for target in limited for name in names if getattr(target.limits, LIMIT_OF[name]) is not None
        ]
        async with self._quotas.turn(targets[1]) if route.queues else nullcontext():
            windows = [(target, name, await self._usage.window(target.id, name)) for target, name in counted]
            streaming = limited if route.streams else ()
            try:
                if route.queues or route.stores:
                    self._check_now(windows, streaming)
                    await self._check_quotas(route, scope, targets[1], caller)
                self._check_now(windows, streaming)  # nothing is awaited from here on
            except RateLimited as error:
                error.headers.update(rate_headers(self._usage, limited))
                raise
            for target in limited:
                self._usage.add(target.id, "requests", 1)
            with self._counted_stream(streaming):
                yield Admitted(self._usage, limited, kind, self.body_bytes[kind], streams=route.streams)

    async def used(self, target: Target, limit: str, caller: Principal) -> float | None:
        """What is used of a limit; None where there is none."""
        if getattr(target.limits, limit) is None:
            return None
        if limit in QUOTAS:
            return await self._quotas.used(target, limit, caller)
        if limit == "concurrent_streams":
            return self._usage.streams(target.id)
        window = await self._usage.window(target.id, NAME_OF[limit])
        return window.used(self._usage.clock())

    async def _check_quotas(self, route: Route, scope: Scope, project: Target, caller: Principal) -> None:
        try:
            await self._quotas.check(project, caller, queues=route.queues)
        except QuotaExceeded:
            if route.method != "GET" or not await self._quotas.is_stored(route.service, scope, caller):
                raise

    def _check_now(self, windows: Sequence[tuple[Target, str, SlidingWindow]], streaming: Sequence[Target]) -> None:
        now = self._usage.clock()
        for target, name, window in windows:
            rest = getattr(target.limits, LIMIT_OF[name]) - 1  # the request uses one more, or a token or byte at least
            if (used := window.used(now)) > rest:
                raise rate_limited(target, LIMIT_OF[name], math.ceil(used), window.wait(now, rest))
        for target in streaming:
            limit, open_streams = target.limits.concurrent_streams, self._usage.streams(target.id)
            if limit is not None and open_streams >= limit:
                raise rate_limited(target, "concurrent_streams", open_streams, STREAM_RETRY_S)

    @contextmanager
    def _counted_open(self, targets: Sequence[Target]) -> Iterator[None]:
        for target in targets:
            if self._open[target.id] >= (limit := self._max_open[target.per]):
                raise too_many_open(target, limit)
        self._open.update(target.id for target in targets)
        try:
            yield
        finally:
            self._open.subtract(target.id for target in targets)
            for target in targets:
                if not self._open[target.id]:
                    del self._open[target.id]

    @contextmanager
    def _counted_stream(self, targets: Sequence[Target]) -> Iterator[None]:
        for target in targets:
            self._usage.add_stream(target.id, 1)
        try:
            yield
        finally:
            for target in targets:
                self._usage.add_stream(target.id, -1)


class Admitted:
    """One request on its way to its service: its body is limited, and what it uses is counted."""

    def __init__(self, usage: Usage, targets: Sequence[Target], kind: BodyKind, limit: int, *, streams: bool) -> None:
        self._usage, self._targets, self._kind, self._limit, self._streams = usage, targets, kind, limit, streams
        self._received = self._tokens = 0
        self._started = self._received_all = False
        self._refusal: AnnealError | None = None

    async def serve(self, service: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
        """Forward the request. A body over a limit ends it; the client receives the error once it stops sending."""
        self._receive, self._send = receive, send
        if int(Headers(scope=scope).get("content-length", 0)) > self._limit:
            self._refusal = self._too_large()
        else:
            try:
                await service(scope, self.receive, self.send)
            except Exception:
                if self._refusal is None:
                    raise
        if self._refusal and not self._started:
            if not self._received_all:
                await drain(_chunks(receive))
            response = answer(self._refusal, scope["path"])
            response.headers.update(rate_headers(self._usage, self._targets))
            await response(scope, receive, send)

    async def receive(self) -> Message:
        """The client's next message; a disconnect once the body is over a limit."""
        if self._refusal is None:
            message = await self._receive()
            self._received_all = not message.get("more_body", False)
            if body := message.get("body"):
                self._count_body(len(body))
        return message if self._refusal is None else {"type": "http.disconnect"}

    async def send(self, message: Message) -> None:
        """The service's next message, with rate-limit headers; nothing of a refused request."""
        if message["type"] == "http.response.start" and self._refusal is None:
            self._started = True
            headers = MutableHeaders(scope=message)
            if self._streams and (tokens := headers.get(TOKENS_HEADER)):
                self._count_tokens(int(tokens))
                del headers[TOKENS_HEADER]
            headers.update(rate_headers(self._usage, self._targets))
        elif self._streams and (body := message.get("body")) and (found := STREAMED_TOKENS.findall(body)):
            self._count_tokens(int(found[-1]) - self._tokens)
            message = {**message, "body": STREAMED_TOKENS.sub(b"", body)}
        if self._started or self._refusal is None:
            await self._send(message)

    def _count_body(self, size: int) -> None:
        self._received += size
        if self._received > self._limit:
            self._refusal = self._too_large()
        for target in self._targets if self._kind == "upload" else ():
            self._usage.add(target.id, "upload_bytes", size)
            limit, window = target.limits.upload_bytes_per_day, self._usage.find(target.id, "upload_bytes")
            if limit is not None and window and (used := window.used(now := self._usage.clock())) > limit:
                wait = window.wait(now, limit)
                self._refusal = rate_limited(target, "upload_bytes_per_day", math.ceil(used), wait)

    def _count_tokens(self, count: int) -> None:
        self._tokens += count
        for target in self._targets:
            self._usage.add(target.id, "tokens", count)

    def _too_large(self) -> BodyTooLarge:
        setting, limit = SETTING_OF[self._kind], self._limit
        detail = f"The body is larger than {limit} bytes."
        return BodyTooLarge(detail, field="body", limit=limit, remedy=f"Send less, or raise ANNEAL_{setting.upper()}.")


def rate_headers(usage: Usage, targets: Sequence[Target]) -> dict[str, str]:
    """The x-ratelimit headers of OpenAI's API, each for the key or the project, whichever has less left."""
    headers, now = dict[str, str](), usage.clock()
    for name in ("requests", "tokens"):
        found = []
        for target in targets:
            limit, window = getattr(target.limits, LIMIT_OF[name]), usage.find(target.id, name)
            if limit is not None and window:
                found.append((max(0, math.floor(limit - window.used(now))), limit, window.wait(now, 0)))
        if found:
            remaining, limit, reset = min(found)
            values = {"limit": limit, "remaining": remaining, "reset": f"{math.ceil(reset)}s"}
            headers |= {f"x-ratelimit-{field}-{name}": str(value) for field, value in values.items()}
    return headers


def _is_form(scope: Scope) -> bool:
    return Headers(scope=scope).get("content-type", "").startswith("multipart/form-data")


async def _chunks(receive: Receive) -> AsyncIterator[bytes]:
    more = True
    while more:
        message = await receive()
        more = message.get("more_body", False)
        yield message.get("body", b"")
