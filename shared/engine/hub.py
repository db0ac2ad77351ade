"""Downloads from the Hugging Face Hub at a user's request: one commit, file by file, resumable.

Only an engine that is launched for a download calls this; every other one is offline.
"""

from __future__ import annotations

import errno
import re
import shutil
import socket
import sys
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit
from urllib.request import getproxies

import huggingface_hub.constants as hub_constants
from huggingface_hub import hf_hub_download
from huggingface_hub.errors import (  # type: ignore[attr-defined]
    GatedRepoError,
    HfHubHTTPError,
    HFValidationError,
    HTTPError,
    LocalEntryNotFoundError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)
from huggingface_hub.utils.tqdm import disable_progress_bars

from shared.engine.process.periodic import run_periodically
from shared.engine.process.protocol import Commands, EngineError, Reporter
from shared.runtime.http.addresses import is_listed, is_public

Kind = Literal["model", "dataset"]

MIN_FREE_BYTES = 2**30
"""Bytes that stay free on the disk."""
REPORT_INTERVAL_S = 1.0
PORTS = {"http": 80, "socks5": 1080, "socks5h": 1080}
NETWORK_EVENTS = ("socket.connect", "socket.getaddrinfo", "socket.gethostbyname", "socket.sendto", "socket.sendmsg")
"""Audit events of Python that come before a packet leaves."""


@dataclass(frozen=True)
class Source:
    """A repository at one commit."""

    kind: Kind
    hub_id: str
    commit: str
    endpoint: str
    token: str | None


@contextmanager
def hub_network(endpoint: str, allowed_hosts: Collection[str], outbound_hosts: Collection[str] = ()) -> Iterator[None]:
    """Let this process use the network: the forkserver has imported the library offline.

    Its connections go to public addresses, to the operator's hub and proxies, and to `allowed_hosts`, wherever the hub
    redirects to (EngineError address_refused). Where `outbound_hosts` is not empty, no other public
    name is resolved. A proxy connects to what it is asked for.
    """
    hub_constants.HF_HUB_OFFLINE = False
    hub_constants.HF_HUB_DISABLE_XET = True  # it connects outside of Python, where no address is checked
    disable_progress_bars()
    proxies = (address for scheme, address in getproxies().items() if scheme != "no")
    own = (urlsplit(address if "//" in address else f"http://{address}") for address in (endpoint, *proxies))
    hosts = {(url.hostname, url.port or PORTS.get(url.scheme, 443)) for url in own}

    names = [str(host) for host, _ in hosts]
    names += [re.sub(r":\d+$", "", entry) for entry in (*allowed_hosts, *outbound_hosts)]

    def refuse(event: str, args: tuple[Any, ...]) -> None:
        if event == "socket.getaddrinfo" and outbound_hosts and not is_listed(str(args[0]), 0, names):
            remedy = "Ask the operator to add it to ANNEAL_OUTBOUND_HOSTS."
            detail = f"{endpoint} redirects to {args[0]}, to which the platform does not connect"
            raise EngineError("address_refused", detail, limit="ANNEAL_OUTBOUND_HOSTS", remedy=remedy)
        if event != "socket.connect" or args[0].family not in (socket.AF_INET, socket.AF_INET6):
            return
        address, port = args[1][:2]
        if is_public(address):
            return
        exceptions = {host for host, at in hosts if at == port and host}
        exceptions |= {host.removesuffix(f":{port}") for host in allowed_hosts}
        known = {info[4][0] for host in exceptions for info in _resolve(host)}
        if address not in known:
            remedy = "Ask the operator to add its host to ANNEAL_IMPORT_HOSTS."
            detail = f"{endpoint} redirects to the private address {address}:{port}"
            raise EngineError("address_refused", detail, limit="public addresses", remedy=remedy)

    with _audited(refuse):
        yield


def _resolve(host: str) -> Sequence[tuple[Any, ...]]:
    try:
        return socket.getaddrinfo(host, None)
    except OSError:
        return ()


@contextmanager
def without_network() -> Iterator[None]:
    """Refuse every connection that this process's Python code begins meanwhile, in any thread (PermissionError)."""

    def refuse(event: str, args: tuple[Any, ...]) -> None:
        if event in NETWORK_EVENTS:
            raise PermissionError(errno.EPERM, "the network is not used here")

    with _audited(refuse):
        yield


_audits: list[Callable[[str, tuple[Any, ...]], None]] = []


@contextmanager
def _audited(refuse: Callable[[str, tuple[Any, ...]], None]) -> Iterator[None]:
    """Call `refuse` before each of Python's audited operations, in any thread."""
    _install_hook()
    _audits.append(refuse)
    try:
        yield
    finally:
        _audits.remove(refuse)


@cache
def _install_hook() -> None:
    def audit(event: str, args: tuple[Any, ...]) -> None:
        if event.startswith("socket."):
            for refuse in tuple(_audits):
                refuse(event, args)

    sys.addaudithook(audit)


def download_files(
    source: Source, files: Mapping[str, int], output: Path, reporter: Reporter, commands: Commands
) -> bool:
    """Download files (name -> bytes), smallest first, resuming what an interrupted attempt left in `output`.

    Return False when told to stop.
    """
    total = sum(files.values())
    # The folder's size includes partial files of an earlier attempt.
    with run_periodically(lambda: reporter.progress(min(total, size_of(output)), total, "bytes"), REPORT_INTERVAL_S):
        for name in sorted(files, key=lambda name: files[name]):
            if commands.poll():
                return False
            download_file(source, name, output)
    reporter.progress(total, total, "bytes")
    return True


def download_file(source: Source, name: str, output: Path) -> Path:
    """Download a file into `output`, resuming where an interrupted attempt stopped."""
    path = hf_hub_download(
        source.hub_id,
        name,
        repo_type=source.kind,
        revision=source.commit,
        endpoint=source.endpoint,
        token=source.token or False,
        local_dir=output,
    )
    return Path(path)


def size_of(folder: Path) -> int:
    """Bytes in the folder and its sub-folders; files that are deleted meanwhile do not count."""
    sizes = 0
    for path in folder.rglob("*"):
        try:
            sizes += path.stat().st_size if path.is_file() else 0
        except FileNotFoundError:
            continue
    return sizes


def check_disk_space(hub_id: str, needed: int, output: Path, remedy: str) -> None:
    """Create `output`, and check that `needed` bytes, less what it holds, fit. Raises EngineError disk_full."""
    output.mkdir(parents=True, exist_ok=True)
    missing, free = needed - size_of(output) + MIN_FREE_BYTES, shutil.disk_usage(output).free
    if missing > free:
        raise EngineError(
            "disk_full",
            f"{hub_id} needs {missing / 2**30:.1f} GiB of disk space, and {free / 2**30:.1f} GiB are free",
            remedy=remedy,
        )


@contextmanager
def hub_errors(kind: Kind, hub_id: str, endpoint: str, *, with_token: bool) -> Iterator[None]:
    """Translate the hub's errors to EngineErrors with a remedy.

    Raises unknown_model or unknown_dataset, gated_model or gated_dataset, unknown_revision, disk_full, hub_unreachable.
    """
    page = f"{endpoint}/{'datasets/' if kind == 'dataset' else ''}{hub_id}"
    try:
        yield
    except GatedRepoError as error:
        accept = f"Accept its terms at {page}"
        option = " (--token-env HF_TOKEN)" if kind == "dataset" else ""
        send = f'then send a token of that account: {{"token": "hf_…"}}{option}'
        hint = "with the account of this token" if with_token else send
        raise EngineError(
            f"gated_{kind}", f"{hub_id} is gated", remedy=f"{accept}, {hint}.", hub_status=_status(error)
        ) from error
    except RevisionNotFoundError as error:
        raise EngineError("unknown_revision", f"{hub_id} has no such revision", remedy="Leave revision out.") from error
    except RepositoryNotFoundError as error:
        remedy = "Check its spelling (owner/name); a private one needs the token of an account that may read it."
        raise EngineError(
            f"unknown_{kind}", f"{endpoint} has no {kind} {hub_id}, or does not show it to this account", remedy=remedy
        ) from error
    except HFValidationError as error:
        remedy = "Give it as owner/name, such as rajpurkar/squad."
        raise EngineError(f"unknown_{kind}", f"{hub_id} is no id of a {kind}", remedy=remedy) from error
    except (HTTPError, HfHubHTTPError, LocalEntryNotFoundError) as error:
        if _status(error) in (401, 403):
            raise EngineError(
                f"gated_{kind}", f"the hub refused this token for {hub_id}", remedy="Send a valid token."
            ) from error
        cause = re.sub(r"\?[^\s'\"]+", "", str(error))  # the query of a redirect's address may sign it
        raise EngineError("hub_unreachable", f"{endpoint} failed: {cause}", remedy="Try again later.") from error
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        remedy = "Free disk space, then request it again."
        raise EngineError("disk_full", f"The disk filled up while {hub_id} was downloaded", remedy=remedy) from error


def _status(error: Exception) -> int | None:
    response = getattr(error, "response", None)
    return getattr(response, "status_code", None)
