"""Downloads a file from a web address, without reaching into the platform's own network (SSRF)."""

import asyncio
import json
import shutil
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass
from email.message import Message
from pathlib import Path
from typing import IO
from urllib.parse import unquote

import httpx

from services.dataset.errors import SourceNotFound, SourceRefused, UploadTooLarge
from services.dataset.formats import EXTENSIONS, extension_of
from shared.runtime.errors import StorageFull
from shared.runtime.http.addresses import AddressPolicy, SourceUnreachable
from shared.runtime.http.outbound import MAX_REDIRECTS, outbound_client

ATTEMPTS = 5
"""Connections that may break before the import fails; each continues where the one before stopped."""
RETRY_DELAY_S = 1.0
COPIES = 2
"""The download, and the blob store's copy of it."""
RESERVED_DISK_BYTES = 2**30

Report = Callable[[int, int | None], Awaitable[None]]
"""Receives the bytes done, and in total or None."""


@dataclass(frozen=True)
class UrlSource:
    """A web address; `allowed_hosts` may have private addresses and be reached by http; `limit` in bytes.

    Where `outbound_hosts` is not empty, no others are read.
    """

    url: str
    allowed_hosts: Collection[str]
    outbound_hosts: Collection[str]
    limit: int


async def download(source: UrlSource, folder: Path, report: Report) -> tuple[Path, str]:
    """Download into `folder`, continuing what an earlier attempt left there. Return the file and its name.

    Raises AddressRefused, SourceRefused, SourceNotFound, SourceUnreachable, UploadTooLarge or
    StorageFull, never with the server's own response, which may not be meant for the caller.
    """
    async with outbound_client(AddressPolicy(source.allowed_hosts, only=source.outbound_hosts)) as client:
        for attempt in range(ATTEMPTS):
            try:
                return await _attempt(client, source, folder, report)
            except httpx.TooManyRedirects as error:
                remedy, detail = "Give the last address.", "The address is redirected too often."
                raise SourceUnreachable(detail, field="url", limit=MAX_REDIRECTS, remedy=remedy) from error
            except (httpx.HTTPError, httpx.InvalidURL) as error:
                if attempt + 1 == ATTEMPTS or isinstance(error, httpx.InvalidURL):
                    detail = f"The server does not answer or breaks off: {type(error).__name__}."
                    raise SourceUnreachable(detail, field="url", remedy="Check the address, and try again.") from error
            await asyncio.sleep(RETRY_DELAY_S)
    raise AssertionError("unreachable")


async def _attempt(client: httpx.AsyncClient, source: UrlSource, folder: Path, report: Report) -> tuple[Path, str]:
    part, note = folder / "download.part", folder / "download.json"
    done, validator = _progress(part, note)
    headers = {"Accept-Encoding": "identity"}
    if done:
        headers |= {"Range": f"bytes={done}-", "If-Range": validator}
    async with client.stream("GET", source.url, headers=headers) as response:
        if done and response.status_code == httpx.codes.REQUESTED_RANGE_NOT_SATISFIABLE:
            part.unlink()  # it was complete, or is longer than the file is now
            raise httpx.ReadError("the file ends before the part to continue with")
        _check_answer(response)
        done = done if response.status_code == httpx.codes.PARTIAL_CONTENT else 0
        note.write_text(json.dumps(_validator(response)))
        total = _total(response, done)
        _check_size(source, folder, done, total)
        with part.open("r+b" if done else "wb") as file:
            file.seek(done)
            await _copy(response, file, source, (done, total), report)
        return part, _file_name(response, response.url, httpx.URL(source.url))


def _progress(part: Path, note: Path) -> tuple[int, str]:
    """Bytes that are on disk, and the validator of their version of the file; 0 where it cannot be continued."""
    if not part.exists() or not note.exists():
        return 0, ""
    validator = json.loads(note.read_text())
    return (part.stat().st_size, validator) if validator else (0, "")


def _validator(response: httpx.Response) -> str:
    """The strong ETag or the date that identifies this version of the file; empty without one."""
    etag = response.headers.get("etag", "")
    if "content-encoding" in response.headers:
        return ""
    return str(etag if etag and not etag.startswith("W/") else response.headers.get("last-modified", ""))


def _check_answer(response: httpx.Response) -> None:
    status = response.status_code
    if status in (401, 403):
        remedy = "Use an address that needs no login, such as a signed one, or upload the file."
        raise SourceRefused(f"The server refuses access ({status}).", field="url", remedy=remedy)
    if status in (404, 410):
        raise SourceNotFound(f"There is no such file ({status}).", field="url", remedy="Check the address.")
    if status not in (200, 206):
        remedy = "Try again later, or upload the file."
        raise SourceUnreachable(f"The server answers with status {status}.", field="url", remedy=remedy)
    if response.headers.get("content-type", "").startswith("text/html"):
        remedy = "Give the address of the file itself (its download link); for a dataset of the hub, give its hub_id."
        raise SourceRefused("That is the address of a web page, not of a file.", field="url", remedy=remedy)


def _total(response: httpx.Response, done: int) -> int | None:
    length = response.headers.get("content-length", "")
    return done + int(length) if length.isdigit() and "content-encoding" not in response.headers else None


def _check_size(source: UrlSource, folder: Path, done: int, total: int | None) -> None:
    if (total or done) > source.limit:
        raise _too_large(source.limit)
    need, free = COPIES * (total or 0) - done + RESERVED_DISK_BYTES, shutil.disk_usage(folder).free
    if need > free:
        detail = f"The import needs {need / 2**30:.1f} GiB of disk space, and {free / 2**30:.1f} GiB are free."
        raise StorageFull(detail, remedy="Free disk space, then import it again.")


def _too_large(limit: int) -> UploadTooLarge:
    remedy = "Import it compressed (.parquet, .zip) or in parts, or raise ANNEAL_UPLOAD_LIMIT."
    return UploadTooLarge(f"The file exceeds {limit} bytes.", field="url", limit=limit, remedy=remedy)


async def _copy(
    response: httpx.Response, file: IO[bytes], source: UrlSource, progress: tuple[int, int | None], report: Report
) -> None:
    """Append the body. Raises UploadTooLarge."""
    done, total = progress
    async for chunk in response.aiter_bytes():
        done += len(chunk)
        if done > source.limit:
            raise _too_large(source.limit)
        await asyncio.to_thread(file.write, chunk)
        await report(done, total)


def _file_name(response: httpx.Response, *urls: httpx.URL) -> str:
    """The name with a known extension that the server states, or else of the addresses; else the first name."""
    message = Message()
    message["content-disposition"] = response.headers.get("content-disposition", "")
    stated = message.get_filename()
    names = [stated or "", *(unquote(url.path).rpartition("/")[2] for url in urls)]
    return next((name for name in names if extension_of(name) in EXTENSIONS), next(filter(None, names), "download"))
