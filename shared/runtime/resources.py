"""Chooses adapters by URL, and opens everything that a service needs."""

import asyncio
import fcntl
import os
import secrets
import shutil
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from ipaddress import ip_network
from itertools import count
from pathlib import Path
from typing import Protocol, TypeVar
from urllib.parse import urlsplit

import structlog
from starlette.types import ASGIApp

from shared.blobs.local import LocalBlobs
from shared.blobs.protocol import Blobs
from shared.bus.local import LocalBus
from shared.bus.protocol import Bus
from shared.documents.local import LocalDocuments
from shared.documents.protocol import Documents
from shared.runtime.disk_reserve import DiskReserve
from shared.runtime.errors import AnnealError, Misconfigured
from shared.runtime.jobs.outbox import Outbox
from shared.runtime.keyring import Keyring
from shared.runtime.processes.children import Engines
from shared.runtime.processes.limits import DefaultLimits
from shared.runtime.settings import Settings
from shared.runtime.telemetry.machine_metrics import watch_machine
from shared.runtime.telemetry.metrics import Metrics

log = structlog.get_logger(__name__)

SERVER_WAIT_LIMIT_S = 60.0
"""Seconds that a starting process waits for its servers."""
SECRET_LENGTH = 16
KEY_LENGTH = 32
"""API keys are stored as plain hashes, so a key must be too random to guess."""
CHECKOUTS = "checkouts"


class HomeInUse(AnnealError):
    """Another platform uses the data directory."""

    status = 409
    code = "home_in_use"


class MissingDriver(AnnealError):
    """The driver for a configured URL is not installed."""

    status = 500
    code = "missing_driver"


@dataclass(frozen=True)
class Resources:
    """The dependencies of a service. `scratch` is a local folder for temporary files; it may be lost."""

    settings: Settings
    bus: Bus
    documents: Documents
    blobs: Blobs
    outbox: Outbox
    engines: Engines
    keyring: Keyring
    scratch: Path
    metrics: Metrics
    local_apps: dict[str, ASGIApp] = field(default_factory=dict)
    """The services in this process by name, for the calls of another one; whoever builds them enters them."""
    missing: set[str] = field(default_factory=set)
    """What this installation lacks, for /readyz."""

    @property
    def embedded(self) -> bool:
        """Whether all state is in one locked data directory that no other process uses."""
        return not self.settings.distributed


@contextmanager
def locked(home: Path) -> Iterator[None]:
    """Lock the data directory. Raises HomeInUse naming its holder, and Misconfigured where it cannot be written."""
    try:
        home.mkdir(parents=True, exist_ok=True, mode=0o700)
        handle = os.open(home / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        remedy = "Set ANNEAL_HOME to a directory that this user may write."
        raise Misconfigured(f"{home} cannot be written: {error.strerror}.", field="home", remedy=remedy) from error
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        owner = os.read(handle, 200).decode().strip() or "another process"
        os.close(handle)
        raise HomeInUse(
            f"{home} is in use by {owner}.", remedy="Stop that one, or set ANNEAL_HOME to another directory."
        ) from None
    os.ftruncate(handle, 0)
    os.pwrite(handle, f"process {os.getpid()}\n".encode(), 0)
    try:
        yield
    finally:
        os.close(handle)


def private_file(path: Path, content: str) -> str:
    """Return the file's text. Create it atomically with mode 0600 and `content` if it does not exist.

    Raises Misconfigured for a file that is empty or too short for a secret.
    """
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(content + "\n")
        file.flush()
        os.fsync(file.fileno())
    try:
        os.link(draft, path)
    except FileExistsError:
        content = path.read_text().strip()
    finally:
        draft.unlink()
    if len(content) < SECRET_LENGTH:
        remedy = "Restore it from a backup, or remove it: then a new one is made, and what the old one opened is lost."
        raise Misconfigured(f"{path} has fewer than {SECRET_LENGTH} characters.", limit=SECRET_LENGTH, remedy=remedy)
    return content


@contextmanager
def driver(extra: str) -> Iterator[None]:
    """Raise MissingDriver naming the extra to install when an import in the block fails."""
    try:
        yield
    except ModuleNotFoundError as error:
        remedy = f'pip install "anneal[{extra}]"'
        raise MissingDriver(f"The package {error.name} is not installed.", remedy=remedy) from error


async def _bus(settings: Settings, metrics: Metrics, reserve: DiskReserve | None) -> Bus:
    if not settings.bus_url:
        return LocalBus(settings.directory / "bus.sqlite", metrics=metrics, reserve=reserve)
    with driver("amqp"):
        from shared.bus.rabbit import RabbitBus
    return await _retry_until_up("bus", lambda: RabbitBus.connect(settings.bus_url, metrics=metrics))


async def _documents(settings: Settings, reserve: DiskReserve | None) -> Documents:
    if not settings.documents_url:
        return LocalDocuments(settings.directory / "documents.sqlite", reserve)
    with driver("mongo"):
        from shared.documents.mongo import connect
    documents = connect(settings.documents_url)
    await _retry_until_up("documents", documents.ping)
    return documents


async def _blobs(settings: Settings, scratch: Path, reserve: DiskReserve | None) -> Blobs:
    if not settings.blobs_url:
        return LocalBlobs(settings.directory / "blobs", reserve)
    with driver("s3"):
        from shared.blobs.s3 import connect
    return await _retry_until_up(
        "blobs", lambda: connect(settings.blobs_url, scratch, settings.blobs_public_url, settings.download_cache_limit)
    )


T = TypeVar("T")


async def _retry_until_up(name: str, connect: Callable[[], Awaitable[T]]) -> T:
    """Retry until the server answers. Raises Misconfigured after SERVER_WAIT_LIMIT_S seconds."""
    deadline = time.monotonic() + SERVER_WAIT_LIMIT_S
    while True:
        try:
            return await connect()
        except Exception as error:
            if time.monotonic() > deadline:
                raise Misconfigured(
                    f"The {name} server does not answer: {type(error).__name__}: {error}",
                    remedy=f"Start it, or correct ANNEAL_{name.upper()}_URL.",
                ) from error
            log.info("waiting_for", server=name, error=f"{type(error).__name__}: {error}")
        await asyncio.sleep(1.0)


SCHEMES = {
    "bus_url": ("amqp://", "amqps://"),
    "documents_url": ("mongodb://", "mongodb+srv://"),
    "blobs_url": ("s3+http://", "s3+https://"),
}


def _is_web_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def _is_network(text: str) -> bool:
    try:
        return bool(ip_network(text))
    except ValueError:
        return False


def check(settings: Settings) -> None:
    """Raise Misconfigured for unsupported URLs, short keys and secrets, or incomplete distributed settings."""
    for name in ("hub_endpoint", "otlp_endpoint", "public_url", "blobs_public_url"):
        url = getattr(settings, name)
        if (url or name == "hub_endpoint") and not _is_web_address(url):
            remedy = f"Set ANNEAL_{name.upper()} to an address such as https://host.example:8443."
            raise Misconfigured(f"{url!r} is not the address of a web server.", field=name, remedy=remedy)
    for proxy in settings.trusted_proxies:
        if not _is_network(proxy):
            remedy = 'Set ANNEAL_TRUSTED_PROXIES to addresses and networks: \'["10.1.2.3", "10.2.0.0/16"]\''
            detail = f"{proxy!r} is neither an IP address nor a network without host bits."
            raise Misconfigured(detail, field="trusted_proxies", remedy=remedy)
    for name, schemes in SCHEMES.items():
        url = getattr(settings, name)
        if url and not url.startswith(schemes):
            remedy = f"Set ANNEAL_{name.upper()} to a URL that begins with {' or '.join(schemes)}."
            raise Misconfigured("No adapter supports this URL.", field=name, limit=list(schemes), remedy=remedy)
    if 0 < len(settings.operator_key) < KEY_LENGTH:
        remedy = "Set ANNEAL_OPERATOR_KEY to a random text: openssl rand -hex 32"
        raise Misconfigured("This API key could be guessed.", field="operator_key", limit=KEY_LENGTH, remedy=remedy)
    if 0 < len(settings.secret) < SECRET_LENGTH:
        detail, remedy = (
            "This secret could be guessed.",
            "Set ANNEAL_SECRET to a random text (openssl rand -hex 32), and ANNEAL_SECRET_PREVIOUS to the one before.",
        )
        raise Misconfigured(detail, field="secret", limit=SECRET_LENGTH, remedy=remedy)
    if not settings.distributed:
        return
    if missing := [f"ANNEAL_{name.upper()}" for name in SCHEMES if not getattr(settings, name)]:
        detail = "Separate service processes share a bus, documents and blobs."
        raise Misconfigured(detail, remedy=f"Set {' and '.join(missing)} as well, or none of the three.")
    if not settings.secret:
        remedy = "Set ANNEAL_SECRET to the same random text for all services: openssl rand -hex 32"
        raise Misconfigured("The services need a shared secret.", field="secret", limit=SECRET_LENGTH, remedy=remedy)


@contextmanager
def _embedded_scratch(home: Path) -> Iterator[Path]:
    with locked(home):
        scratch = home / "scratch"
        scratch.mkdir(exist_ok=True)
        yield scratch


@contextmanager
def claim_scratch(home: Path) -> Iterator[Path]:
    """Lock the first free `scratch-<n>` folder and empty it, except for cached downloads."""
    home.mkdir(parents=True, exist_ok=True, mode=0o700)
    for number in count():
        scratch = home / f"scratch-{number}"
        try:
            with locked(scratch):
                for left in scratch.iterdir():
                    if left.is_dir() and left.name != CHECKOUTS:
                        shutil.rmtree(left, ignore_errors=True)
                yield scratch
                return
        except HomeInUse:
            continue


class _Closable(Protocol):
    async def close(self) -> None: ...


C = TypeVar("C", bound=_Closable)


@asynccontextmanager
async def open_resources(settings: Settings) -> AsyncIterator[Resources]:
    """Open everything, close it in reverse order.

    Raises HomeInUse, Misconfigured or MissingDriver. Servers that are not up yet are waited for.
    """
    check(settings)
    home = settings.directory
    async with AsyncExitStack() as stack:

        def closing(resource: C) -> C:
            stack.push_async_callback(resource.close)
            return resource

        metrics = Metrics()
        scratch = stack.enter_context((claim_scratch if settings.distributed else _embedded_scratch)(home))
        watch_machine(metrics, home)
        secret = settings.secret or private_file(home / "secret", secrets.token_hex(32))
        reserve = None if settings.distributed else DiskReserve(home / "reserve")
        stack.callback(lambda: reserve and reserve.release())
        documents = closing(await _documents(settings, reserve))
        blobs = closing(await _blobs(settings, scratch, reserve))
        bus = closing(await _bus(settings, metrics, reserve))
        yield Resources(
            settings=settings,
            bus=bus,
            documents=documents,
            blobs=blobs,
            outbox=Outbox(bus, documents, metrics),
            engines=closing(Engines(DefaultLimits.of(settings))),
            keyring=Keyring(secret, settings.secret_previous),
            scratch=scratch,
            metrics=metrics,
        )
