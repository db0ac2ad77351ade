"""The HTTP client behind every command: finds the platform, sends the key, turns problem+json into one clear line."""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx

TIMEOUT = httpx.Timeout(30.0, read=150.0)
EXPLAINED = ("field", "limit", "remedy", "trace_id")
"""What of a refusal is shown below its message."""


class CommandError(Exception):
    """Ends a command with exit code 1: what went wrong and what to do, for people; the problem for `--json`."""

    def __init__(self, message: str, problem: dict[str, Any] | None = None) -> None:
        super().__init__(message)
        self.problem = problem or {"code": "command_failed", "detail": message}


def home() -> Path:
    """The platform's data directory: `ANNEAL_HOME`, or ~/.anneal."""
    return Path(os.environ.get("ANNEAL_HOME", "~/.anneal")).expanduser().resolve()


def address() -> str:
    """`ANNEAL_URL`, or where the platform of this data directory says it listens."""
    if url := os.environ.get("ANNEAL_URL"):
        return url.rstrip("/")
    try:
        return str(json.loads((home() / "platform.json").read_text())["url"])
    except (OSError, ValueError, KeyError):
        raise CommandError(f"No platform runs on {home()}. Start it with `anneal up`, or set ANNEAL_URL.") from None


def api_key() -> str:
    """`ANNEAL_API_KEY`, or the first key that the platform left in its data directory."""
    if key := os.environ.get("ANNEAL_API_KEY"):
        return key
    try:
        return (home() / "api-key").read_text().strip()
    except OSError:
        raise CommandError(f"There is no API key in {home()}. Set ANNEAL_API_KEY.") from None


def _explain(response: httpx.Response) -> CommandError:
    """One line for people out of a problem+json or OpenAI-shaped error."""
    response.read()
    try:
        problem = response.json()
    except ValueError:
        problem = {"detail": response.text[:500] or response.reason_phrase}
    problem = problem.get("error", problem) if isinstance(problem, dict) else {"detail": str(problem)}
    lines = [problem.get("detail") or problem.get("message") or response.reason_phrase]
    lines += [f"  {name}: {_plain(problem[name])}" for name in EXPLAINED if problem.get(name)]
    return CommandError("\n".join(str(line) for line in lines), problem)


def _plain(value: Any) -> str:
    """A limit comes as a value, as all that it may be, or as the rules that it is made of, `{"gt": 0}`."""
    if isinstance(value, dict):
        return ", ".join(f"{rule} {limit}" for rule, limit in value.items())
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


class Client:
    """Requests against one platform with one key."""

    def __init__(self, base_url: str | None = None, key: str | None = None) -> None:
        self.url = base_url or address()
        headers = {"Authorization": f"Bearer {key or api_key()}"}
        self._http = httpx.Client(base_url=self.url, headers=headers, timeout=TIMEOUT)

    def _send(self, method: str, path: str, *, stream: bool = False, **arguments: Any) -> httpx.Response:
        request = self._http.build_request(method, path, **arguments)
        try:
            response = self._http.send(request, stream=stream, follow_redirects=True)
        except httpx.ConnectError:
            message = f"Nothing answers at {self.url}. Start the platform with `anneal up`."
            raise CommandError(message) from None
        except httpx.HTTPError as error:
            raise CommandError(f"{method} {path} failed: {error or type(error).__name__}") from None
        if response.is_error:
            raise _explain(response)
        return response

    def get(self, path: str, **query: Any) -> Any:
        """The JSON answer of a GET; query values that are None are left out."""
        return self._send("GET", path, params={k: v for k, v in query.items() if v is not None}).json()

    def post(self, path: str, body: Any = None, **query: Any) -> Any:
        """The JSON answer of a POST with a JSON body, or None; query values that are None are left out."""
        response = self._send("POST", path, json=body, params={k: v for k, v in query.items() if v is not None})
        return response.json() if response.content else None

    def patch(self, path: str, body: Any) -> Any:
        """The JSON answer of a PATCH."""
        return self._send("PATCH", path, json=body).json()

    def delete(self, path: str) -> None:
        """A DELETE."""
        self._send("DELETE", path)

    def upload(self, path: str, file: Any, name: str, fields: dict[str, str]) -> Any:
        """The JSON answer of a multipart upload of an open binary file, streamed."""
        return self._send("POST", path, files={"file": (name, file)}, data=fields).json()

    def raw(self, path: str, **query: Any) -> httpx.Response:
        """A GET whose status and headers matter."""
        return self._send("GET", path, params=query)

    def download(self, path: str, target: Path, **query: Any) -> Iterator[tuple[int, int | None]]:
        """Stream a GET into `target`, going on where a partial file ends; yields (bytes so far, total or None)."""
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
        """The JSON objects of a server-sent event stream, until [DONE]."""
        response = self._send("POST", path, json=body, stream=True)
        for line in response.iter_lines():
            if line.startswith("data: ") and line != "data: [DONE]":
                event = json.loads(line.removeprefix("data: "))
                if problem := event.get("error"):
                    raise CommandError(problem["message"], problem)
                yield event
