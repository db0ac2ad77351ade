"""Downloads a file from a web address, without reaching into the platform's own network (SSRF).

Every address, also of a redirect, is resolved once, checked, and connected to by the checked IP address, so that a
name cannot change its meaning in between. The system's proxies are not used: they would resolve the name again.
"""

import asyncio
import json
import shutil
import socket
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass
from email.message import Message
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from pathlib import Path
from typing import IO
from urllib.parse import unquote

import httpx

from services.dataset.errors import AddressRefused, SourceNotFound, SourceRefused, SourceUnreachable, UploadTooLarge
from services.dataset.formats import EXTENSIONS, extension_of
from shared.runtime.errors import StorageFull

MAX_REDIRECTS = 5
ATTEMPTS = 5
"""Connections that may break before the import fails; each continues where the one before stopped."""
RETRY_DELAY_S = 1.0
TIMEOUT = httpx.Timeout(30.0)
COPIES = 2
"""The download, and the blob store's copy of it."""
RESERVED_DISK_BYTES = 2**30
NAT64 = IPv6Network("64:ff9b::/96")

Report = Callable[[int, int | None], Awaitable[None]]
"""Receives the bytes done, and in total or None."""


@dataclass(frozen=True)
class UrlSource:
    """A web address; `allowed_hosts` may have private addresses and be reached by http; `limit` in bytes."""

    url: str
    allowed_hosts: Collection[str]
    limit: int


async def download(source: UrlSource, folder: Path, report: Report) -> tuple[Path, str]:
    """Download into `folder`, continuing what an earlier attempt left there. Return the file and its name.

    Raises AddressRefused, SourceRefused, SourceNotFound, SourceUnreachable, UploadTooLarge or
    StorageFull, never with the server's own response, which may not be meant for the caller.
    """
    async with httpx.AsyncClient(timeout=TIMEOUT, trust_env=False, follow_redirects=False) as client:
        for attempt in range(ATTEMPTS):
            try:
                return await _attempt(client, source, folder, report)
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
    url = httpx.URL(source.url)
    for _ in range(MAX_REDIRECTS + 1):
        request = await _request(client, url, source, headers)
        response = await client.send(request, stream=True)
        try:
            if response.has_redirect_location:
                url = url.join(response.headers["location"])
                continue
            if done and response.status_code == httpx.codes.REQUESTED_RANGE_NOT_SATISFIABLE:
                part.unlink()  # it was complete, or is longer than the file is now
                raise httpx.ReadError("the file ends before the part to continue with", request=request)
            _check_answer(response)
            done = done if response.status_code == httpx.codes.PARTIAL_CONTENT else 0
            note.write_text(json.dumps(_validator(response)))
            total = _total(response, done)
            _check_size(source, folder, done, total)
            with part.open("r+b" if done else "wb") as file:
                file.seek(done)
                await _copy(response, file, source, (done, total), report)
            return part, _file_name(response, url, httpx.URL(source.url))
        finally:
            await response.aclose()
    raise SourceUnreachable(
        "The address is redirected too often.", field="url", limit=MAX_REDIRECTS, remedy="Give the last address."
    )


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


async def _request(
    client: httpx.AsyncClient, url: httpx.URL, source: UrlSource, headers: dict[str, str]
) -> httpx.Request:
    """A request to the address's checked IP, with the name in the Host header and in TLS. Raises AddressRefused."""
    allowed = url.host in source.allowed_hosts
    if url.scheme != "https" and not (allowed and url.scheme == "http"):
        remedy = "Use https; the operator can allow http for a host with ANNEAL_IMPORT_HOSTS."
        raise AddressRefused(f"{url.scheme}://{url.host} is not read.", field="url", limit="https", remedy=remedy)
    ip = await resolve(url.host, url.port or (443 if url.scheme == "https" else 80), allowed=allowed)
    named = {**headers, "Host": url.netloc.decode("ascii")}
    pinned = url.copy_with(host=ip)
    return client.build_request("GET", pinned, headers=named, extensions={"sni_hostname": url.host})


async def resolve(host: str, port: int, *, allowed: bool) -> str:
    """Return an IP address of the host. Raises AddressRefused if any of its addresses is private, unless `allowed`."""
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        remedy = "Check its spelling."
        raise SourceUnreachable(f"There is no host {host!r}.", field="url", remedy=remedy) from error
    addresses = [str(info[4][0]) for info in found]
    if not allowed and not all(is_public(ip_address(address)) for address in addresses):
        remedy = f"Upload the file, or ask the operator to add {host} to ANNEAL_IMPORT_HOSTS."
        raise AddressRefused(f"{host} is in a private network.", field="url", limit="public addresses", remedy=remedy)
    return addresses[0]


def is_public(address: IPv4Address | IPv6Address) -> bool:
    """Whether an address is of the public internet; none that embeds another address, but for IPv4 in IPv6."""
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped:
            return is_public(address.ipv4_mapped)
        if address.sixtofour or address.teredo or address in NAT64:
            return False
    return address.is_global and not address.is_multicast


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
