"""Sends requests, and turns refusals into errors: what the generated operations stand on."""

import hashlib
import re
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import quote

import httpx

from anneal.connection import address, api_key
from anneal.errors import AnnealError

TIMEOUT = httpx.Timeout(30.0, read=150.0)
PROBLEM_FIELDS = ("field", "limit", "remedy", "trace_id")
"""Fields of a problem that follow its message."""
DAMAGED = "The file is not what the platform stored: it was damaged there, or has changed meanwhile. Export it again."
File = Path | str | BinaryIO
"""A file to upload: its path, or an open binary file."""


def to_error(response: httpx.Response) -> AnnealError:
    """The error of a problem+json or OpenAI error response whose body is read."""
    try:
        problem = response.json()
    except ValueError:
        problem = {"detail": response.text[:500] or response.reason_phrase}
    problem = problem.get("error", problem) if isinstance(problem, dict) else {"detail": str(problem)}
    lines = [problem.get("detail") or problem.get("message") or response.reason_phrase]
    lines += [f"  {name}: {_format_limit(problem[name])}" for name in PROBLEM_FIELDS if problem.get(name)]
    return AnnealError("\n".join(map(str, lines)), problem, response.status_code)


def _format_limit(value: Any) -> str:
    """Format a limit: one value, a list of allowed values, or rules such as `{"gt": 0}`."""
    if isinstance(value, dict):
        return ", ".join(f"{rule} {limit}" for rule, limit in value.items())
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def quoted(part: str) -> str:
    """A part of a path, with every character that would end it escaped."""
    return quote(part, safe="")


def _made(response: httpx.Response) -> bytes:
    if response.status_code == httpx.codes.ACCEPTED:
        problem = {"code": "not_ready", "detail": "It is being made."}
        raise AnnealError("It is being made. Wait for it, then ask again.", problem, response.status_code)
    expected = checksum_of(response)
    if expected and hashlib.sha256(response.content).hexdigest() != expected:
        raise AnnealError(DAMAGED, {"code": "damaged", "detail": DAMAGED})
    return response.content


def checksum_of(response: httpx.Response) -> str | None:
    """The SHA-256 of a download, in hexadecimal, which the platform sends as its ETag; None if it sent none."""
    first = response.history[0] if response.history else response  # the object store's ETag is another
    etag = first.headers.get("etag", "").strip('"')
    return etag if re.fullmatch(r"[0-9a-f]{64}", etag) else None


@contextmanager
def _sent(url: str) -> Iterator[None]:
    """Turn failures of the connection into errors."""
    try:
        yield
    except httpx.HTTPError as error:
        raise AnnealError(f"The request to {url} failed: {error or type(error).__name__}") from error


@contextmanager
def _options(
    query: Mapping[str, Any] | None, json: Any, form: Mapping[str, Any] | None, files: Mapping[str, File] | None
) -> Iterator[dict[str, Any]]:
    """The arguments of httpx; None in a query or a form is left out. Files that are opened here are closed."""
    options: dict[str, Any] = {"params": {name: value for name, value in (query or {}).items() if value is not None}}
    if json is not None:
        options["json"] = json
    if files is None:
        yield options
        return
    options["data"] = {name: value for name, value in (form or {}).items() if value is not None}
    with ExitStack() as stack:
        opened = {name: stack.enter_context(_opened(file)) for name, file in files.items()}
        yield options | {"files": {n: (Path(getattr(file, "name", "file")).name, file) for n, file in opened.items()}}


def _opened(file: File) -> AbstractContextManager[BinaryIO]:
    return Path(file).open("rb") if isinstance(file, str | Path) else nullcontext(file)


class Requests:
    """Sends requests to one platform with one API key."""

    def __init__(self, url: str | None = None, key: str | None = None) -> None:
        self.url = (url or address()).rstrip("/")
        self.key = key or api_key(self.url)
        headers = {"Authorization": f"Bearer {self.key}"}
        self._http = httpx.Client(base_url=self.url, headers=headers, timeout=TIMEOUT, follow_redirects=True)

    def request(self, method: str, path: str, **options: Any) -> Any:
        """The JSON of the answer, or None."""
        response = self._send(method, path, **options)
        return response.json() if response.content else None

    def content(self, method: str, path: str, **options: Any) -> bytes:
        """The bytes of the answer. Raises AnnealError while they are being made (202)."""
        return _made(self._send(method, path, **options))

    def _send(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, Any] | None = None,
        json: Any = None,
        form: Mapping[str, Any] | None = None,
        files: Mapping[str, File] | None = None,
    ) -> httpx.Response:
        with _sent(self.url), _options(query, json, form, files) as options:
            response = self._http.request(method, path, **options)
        if response.is_error:
            raise to_error(response)
        return response

    def close(self) -> None:
        """Close the connections."""
        self._http.close()


class AsyncRequests:
    """The same, for asyncio."""

    def __init__(self, url: str | None = None, key: str | None = None) -> None:
        self.url = (url or address()).rstrip("/")
        self.key = key or api_key(self.url)
        headers = {"Authorization": f"Bearer {self.key}"}
        self._http = httpx.AsyncClient(base_url=self.url, headers=headers, timeout=TIMEOUT, follow_redirects=True)

    async def request(self, method: str, path: str, **options: Any) -> Any:
        """The JSON of the answer, or None."""
        response = await self._send(method, path, **options)
        return response.json() if response.content else None

    async def content(self, method: str, path: str, **options: Any) -> bytes:
        """The bytes of the answer. Raises AnnealError while they are being made (202)."""
        return _made(await self._send(method, path, **options))

    async def _send(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, Any] | None = None,
        json: Any = None,
        form: Mapping[str, Any] | None = None,
        files: Mapping[str, File] | None = None,
    ) -> httpx.Response:
        with _sent(self.url), _options(query, json, form, files) as options:
            response = await self._http.request(method, path, **options)
        if response.is_error:
            raise to_error(response)
        return response

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()
