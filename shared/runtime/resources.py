"""The one place that chooses adapters, by URL, and opens what every room needs."""

import fcntl
import os
import secrets
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from shared.blobs.local import LocalBlobs
from shared.blobs.protocol import Blobs
from shared.bus.local import LocalBus
from shared.bus.protocol import Bus
from shared.documents.local import LocalDocuments
from shared.documents.protocol import Documents
from shared.runtime.children import Engines
from shared.runtime.errors import AnnealError
from shared.runtime.outbox import Outbox
from shared.runtime.principal import Signer
from shared.runtime.settings import Settings


class HomeInUse(AnnealError):
    """A second platform on one data directory."""

    status = 409
    code = "home_in_use"


@dataclass(frozen=True)
class Resources:
    """What a room is built from. `scratch` is local disk for work in progress; it may be lost."""

    settings: Settings
    bus: Bus
    documents: Documents
    blobs: Blobs
    outbox: Outbox
    engines: Engines
    signer: Signer
    scratch: Path

    @property
    def embedded(self) -> bool:
        """All state is in one locked data directory: nobody else works on it."""
        return not self.settings.documents_url


@contextmanager
def locked(home: Path) -> Iterator[None]:
    """Hold the data directory, or raise HomeInUse naming who has it."""
    home.mkdir(parents=True, exist_ok=True, mode=0o700)
    handle = os.open(home / "lock", os.O_RDWR | os.O_CREAT, 0o600)
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
    """The file's text; made with mode 0600 and `content` when it does not exist."""
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return path.read_text().strip()
    with os.fdopen(handle, "w") as file:
        file.write(content + "\n")
    return content


def _bus(settings: Settings) -> Bus:
    return LocalBus(settings.directory / "bus.sqlite")


def _documents(settings: Settings) -> Documents:
    return LocalDocuments(settings.directory / "documents.sqlite")


def _blobs(settings: Settings) -> Blobs:
    return LocalBlobs(settings.directory / "blobs")


@asynccontextmanager
async def open_resources(settings: Settings) -> AsyncIterator[Resources]:
    """Open everything, close it in reverse order."""
    home = settings.directory
    with locked(home):
        scratch = home / "scratch"
        scratch.mkdir(exist_ok=True)
        secret = settings.secret or private_file(home / "secret", secrets.token_hex(32))
        bus, documents, blobs = (
            _bus(settings),
            _documents(settings),
            _blobs(settings),
        )
        engines = Engines()
        try:
            yield Resources(
                settings=settings,
                bus=bus,
                documents=documents,
                blobs=blobs,
                outbox=Outbox(bus, documents),
                engines=engines,
                signer=Signer(secret),
                scratch=scratch,
            )
        finally:
            await engines.close()
            await bus.close()
            await blobs.close()
            await documents.close()
