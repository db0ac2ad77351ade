"""Where the storm happens: real servers behind fault proxies, a town of rooms, and somebody who restarts them."""

import asyncio
import subprocess
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

import httpx
from pymongo import AsyncMongoClient

from deploy.local_cluster import Room, Town, town
from deploy.servers import Server, mongodb, rabbitmq, s3
from tests.chaos.event_recorder import EventRecorder
from tests.chaos.fault_proxy import Proxy

SERVERS = {"bus": rabbitmq, "documents": mongodb, "blobs": s3}
DATABASE = "anneal"
SETTINGS = {
    "ANNEAL_WARM_ENGINES": "false",
    "ANNEAL_JOB_SLOTS": "2",
}
LOOK = 0.3
MEGABYTES = 256
T = TypeVar("T")


@dataclass
class Place:
    """Everything that faults can happen to, and what watches from behind the proxies."""

    town: Town
    servers: dict[str, Server]
    proxies: dict[str, Proxy]
    events: EventRecorder
    database: Any
    """The MongoDB database, asked directly."""
    disk: Path
    """What holds every room's scratch folder."""
    fillable: bool
    """The disk is a small file system of its own."""
    busy: set[str] = field(default_factory=set)
    """What a fault is happening to now."""
    began: float = field(default_factory=time.monotonic)

    @property
    def clock(self) -> float:
        """Seconds since the storm began."""
        return time.monotonic() - self.began

    @property
    def replicas(self) -> list[Room]:
        """Every process of the town."""
        return [replica for replicas in self.town.rooms.values() for replica in replicas]

    async def supervise(self) -> None:
        """Start again what has ended, until cancelled."""
        while True:
            for replica in self.replicas:
                if replica.process is not None and replica.process.poll() is not None:
                    replica.start()
            await asyncio.sleep(LOOK)

    async def readiness(self, replica: Room) -> dict[str, str]:
        """What a process says about its servers; empty when it does not answer."""
        try:
            async with httpx.AsyncClient(timeout=5) as http:
                found: dict[str, str] = (await http.get(f"{replica.url}/readyz")).json()["checks"]
                return found
        except (httpx.HTTPError, ValueError, KeyError):
            return {}


@contextmanager
def small_disk(folder: Path) -> Iterator[bool]:
    """Make `folder` a file system of its own, so that it can be filled; False where mounting is not allowed."""
    folder.mkdir(parents=True)
    mount = ["mount", "-t", "tmpfs", "-o", f"size={MEGABYTES}m,mode=700", "tmpfs", str(folder)]
    mounted = subprocess.run(mount, stderr=subprocess.DEVNULL).returncode == 0
    try:
        yield mounted
    finally:
        if mounted:
            subprocess.run(["umount", "-l", str(folder)])


def behind(url: str, proxy: Proxy) -> str:
    """The same address, reached through the proxy."""
    return url.replace(f":{urlsplit(url).port}", f":{proxy.port}")


@asynccontextmanager
async def opened(folder: Path, *, replicas: int, arguments: tuple[str, ...] = ()) -> AsyncIterator[Place]:
    """The whole place, started and ready. `arguments` go to every room's process."""
    async with AsyncExitStack() as stack:

        async def entered(context: Any) -> Any:
            """Enter a blocking context in a thread, and leave it in one."""
            value = await asyncio.to_thread(context.__enter__)
            stack.push_async_callback(asyncio.to_thread, context.__exit__, None, None, None)
            return value

        servers: dict[str, Server] = {name: await entered(start(folder / name)) for name, start in SERVERS.items()}
        proxies = {name: await stack.enter_async_context(Proxy(at.port).listening()) for name, at in servers.items()}
        addresses = {f"ANNEAL_{name.upper()}_URL": behind(at.url, proxies[name]) for name, at in servers.items()}
        disk, logs = folder / "home", folder / "logs"
        fillable = stack.enter_context(small_disk(disk))
        logs.mkdir()
        (disk / "logs").symlink_to(logs)  # a full disk is for the rooms' work, not for what they say about it
        (disk / "control.json").write_text('{"pace": 0.1}')
        client: Any = AsyncMongoClient(servers["documents"].url)
        stack.push_async_callback(client.close)
        context = town(
            disk,
            {**addresses, **SETTINGS},
            replicas=replicas,
            entry=lambda room: ("-m", "tests.chaos.service", room, *arguments),
        )
        up: Town = await entered(context)
        events = await stack.enter_async_context(EventRecorder.listening(servers["bus"].url))
        yield Place(up, servers, proxies, events, client[DATABASE], disk, fillable)
