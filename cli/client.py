"""The HTTP client of all commands: finds the platform, sends the API key, and turns problem+json into a message."""

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx

from anneal.connection import address, api_key
from anneal.errors import AnnealError
from anneal.requests import DAMAGED, TIMEOUT, checksum_of, to_error
from cli.errors import CommandError
from cli.remedies import for_commands


def _to_error(error: AnnealError) -> CommandError:
    """The same error, for a person at the command line."""
    return CommandError(for_commands(str(error)), error.problem, error.status)


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
            response.read()
            raise _to_error(to_error(response))
        return response

    def get(self, path: str, **query: Any) -> Any:
        """GET and return the JSON response, or None; omits query values that are None."""
        response = self._send("GET", path, params={k: v for k, v in query.items() if v is not None})
        return response.json() if response.content else None

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
        return self.upload_files(path, {"file": (name, file)}, fields)

    def upload_files(self, path: str, files: dict[str, tuple[str, Any]], fields: dict[str, str]) -> Any:
        """As `upload`, for several files: field of the form -> (name, open binary file)."""
        return self._send("POST", path, files=files, data=fields).json()

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
        length, expected, checksum = response.headers.get("content-length"), checksum_of(response), hashlib.sha256()
        total = done + int(length) if length else None
        if done:
            with partial.open("rb") as file:
                checksum = hashlib.file_digest(file, "sha256")
        try:
            with partial.open("ab" if done else "wb") as file:
                for chunk in response.iter_bytes(1 << 20):
                    file.write(chunk)
                    checksum.update(chunk)
                    done += len(chunk)
                    yield done, total
        except httpx.HTTPError as error:
            raise CommandError(f"The download broke off: {error}. Run the command again to continue it.") from None
        if expected and checksum.hexdigest() != expected:
            partial.unlink()
            raise CommandError(DAMAGED)
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
