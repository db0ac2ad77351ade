"""The HTTP client of all commands: finds the platform, sends the API key, and turns problem+json into a message."""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx

from cli import profiles
from cli.errors import CommandError
from cli.remedies import for_commands

TIMEOUT = httpx.Timeout(30.0, read=150.0)
LOOPBACK = ("127.0.0.1", "::1", "localhost")
PROBLEM_FIELDS = ("field", "limit", "remedy", "trace_id")
"""Fields of a problem that are printed below its message."""


def home() -> Path:
    """Return the data directory: `ANNEAL_HOME`, or ~/.anneal."""
    return Path(os.environ.get("ANNEAL_HOME", "~/.anneal")).expanduser().resolve()


def address() -> str:
    """Return `ANNEAL_URL`, or the address of the platform of `ANNEAL_HOME`, of the last login, or of ~/.anneal."""
    if url := os.environ.get("ANNEAL_URL"):
        return url.rstrip("/")
    if "ANNEAL_HOME" not in os.environ and (profile := profiles.current()):
        return profile["url"]
    try:
        return _local_address()
    except (OSError, ValueError, KeyError):
        raise CommandError(
            f"No platform is running for {home()}. Start it with `anneal up`, or name another: anneal login, --url."
        ) from None


def _local_address() -> str:
    return str(json.loads((home() / "platform.json").read_text())["url"])


def api_key(url: str) -> str:
    """Return `ANNEAL_API_KEY`, the key of the profile with this address, or on this machine the operator's key."""
    if key := os.environ.get("ANNEAL_API_KEY") or profiles.key_of(url):
        return key
    if urlsplit(url).hostname not in LOOPBACK:
        raise CommandError(f"There is no API key for {url}. Use `anneal login {url}`, or set ANNEAL_API_KEY.")
    try:
        return (home() / "api-key").read_text().strip()
    except OSError:
        raise CommandError(f"No API key in {home()}. Set ANNEAL_API_KEY.") from None


def _to_error(response: httpx.Response) -> CommandError:
    """Turn a problem+json or OpenAI error response into a CommandError."""
    response.read()
    try:
        problem = response.json()
    except ValueError:
        problem = {"detail": response.text[:500] or response.reason_phrase}
    problem = problem.get("error", problem) if isinstance(problem, dict) else {"detail": str(problem)}
    lines = [problem.get("detail") or problem.get("message") or response.reason_phrase]
    lines += [f"  {name}: {_format_limit(problem[name])}" for name in PROBLEM_FIELDS if problem.get(name)]
    return CommandError(for_commands("\n".join(map(str, lines))), problem)


def _format_limit(value: Any) -> str:
    """Format a limit: one value, a list of allowed values, or rules such as `{"gt": 0}`."""
    if isinstance(value, dict):
        return ", ".join(f"{rule} {limit}" for rule, limit in value.items())
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


class Client:
    """Sends requests to one platform with one API key."""

    def __init__(self, base_url: str | None = None, key: str | None = None) -> None:
        self.url = base_url or address()
        self.key = key or api_key(self.url)
        headers = {"Authorization": f"Bearer {self.key}"}
        self._http = httpx.Client(base_url=self.url, headers=headers, timeout=TIMEOUT)

    def _send(self, method: str, path: str, *, stream: bool = False, **arguments: Any) -> httpx.Response:
        request = self._http.build_request(method, path, **arguments)
        try:
            response = self._http.send(request, stream=stream, follow_redirects=True)
        except httpx.ConnectError:
            message = f"Cannot connect to {self.url}. Start the platform there with `anneal up`."
            raise CommandError(message) from None
        except httpx.HTTPError as error:
            raise CommandError(f"{method} {path} failed: {error or type(error).__name__}") from None
        if response.is_error:
            raise _to_error(response)
        return response

    def get(self, path: str, **query: Any) -> Any:
        """GET and return the JSON response; omits query values that are None."""
        return self._send("GET", path, params={k: v for k, v in query.items() if v is not None}).json()

    def post(self, path: str, body: Any = None, *, key: str | None = None, **query: Any) -> Any:
        """POST a JSON body and return the JSON response, or None; omits query values that are None.

        A second request with the same `key` creates nothing new.
        """
        headers = {"Idempotency-Key": key} if key else {}
        params = {k: v for k, v in query.items() if v is not None}
        response = self._send("POST", path, json=body, params=params, headers=headers)
        return response.json() if response.content else None

    def patch(self, path: str, body: Any) -> Any:
        """PATCH and return the JSON response."""
        return self._send("PATCH", path, json=body).json()

    def put(self, path: str, body: Any) -> Any:
        """PUT and return the JSON response."""
        return self._send("PUT", path, json=body).json()

    def delete(self, path: str) -> None:
        """DELETE."""
        self._send("DELETE", path)

    def upload(self, path: str, file: Any, name: str, fields: dict[str, str]) -> Any:
        """Stream an open binary file as a multipart upload and return the JSON response."""
        return self._send("POST", path, files={"file": (name, file)}, data=fields).json()

    def raw(self, path: str, **query: Any) -> httpx.Response:
        """A GET whose status and headers matter."""
        return self._send("GET", path, params=query)

    def download(self, path: str, target: Path, **query: Any) -> Iterator[tuple[int, int | None]]:
        """Stream a GET into `target`, resuming a partial download; yields (bytes so far, total or None)."""
        partial = target.with_name(target.name + ".part")
        start = partial.stat().st_size if partial.exists() else 0
        headers = {"Range": f"bytes={start}-"} if start else {}
        response = self._send("GET", path, params=query, headers=headers, stream=True)
        done = start if response.status_code == httpx.codes.PARTIAL_CONTENT else 0
        length = response.headers.get("content-length")
        total = done + int(length) if length else None
        with partial.open("ab" if done else "wb") as file:
            for chunk in response.iter_bytes(1 << 20):
                file.write(chunk)
                done += len(chunk)
                yield done, total
        partial.rename(target)

    def events(self, path: str, body: Any) -> Iterator[dict[str, Any]]:
        """Yield the JSON objects of a server-sent event stream until [DONE]."""
        response = self._send("POST", path, json=body, stream=True)
        for line in response.iter_lines():
            if line.startswith("data: ") and line != "data: [DONE]":
                event = json.loads(line.removeprefix("data: "))
                if problem := event.get("error"):
                    raise CommandError(problem["message"], problem)
                yield event
