"""The chaos environment: servers behind fault proxies, a local cluster, and a supervisor that restarts replicas."""

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

from deploy.local_cluster import Cluster, Replica, run_cluster
from deploy.servers import Server, mongodb, rabbitmq, s3
from tests.chaos.event_recorder import EventRecorder
from tests.chaos.fault_proxy import Proxy

SERVERS = {"bus": rabbitmq, "documents": mongodb, "blobs": s3}
DATABASE = "anneal"
SETTINGS = {
    "ANNEAL_WARM_ENGINES": "false",
    "ANNEAL_JOB_SLOTS": "2",
}
SUPERVISE_INTERVAL_S = 0.3
DISK_SIZE_MB = 256
T = TypeVar("T")


@dataclass
class Environment:
    """The cluster and servers that faults target, and the observers that bypass the proxies."""

    cluster: Cluster
    servers: dict[str, Server]
    proxies: dict[str, Proxy]
    events: EventRecorder
    database: Any
    """The MongoDB database, without a proxy in between."""
    disk: Path
    """The data directory, which contains the scratch folder of every service."""
    disk_is_limited: bool
    """`disk` is a small file system of its own, so a fault can fill it."""
    busy: set[str] = field(default_factory=set)
    """Targets of the faults in progress."""
    started_at: float = field(default_factory=time.monotonic)

    @property
    def elapsed(self) -> float:
        """Seconds since the chaos test started."""
        return time.monotonic() - self.started_at

    @property
    def replicas(self) -> list[Replica]:
        """Every process of the cluster."""
        return [replica for replicas in self.cluster.replicas.values() for replica in replicas]

    async def supervise(self) -> None:
        """Restart replicas that have exited, until cancelled."""
        while True:
            for replica in self.replicas:
                if replica.process is not None and replica.process.poll() is not None:
                    replica.start()
            await asyncio.sleep(SUPERVISE_INTERVAL_S)

    async def readiness(self, replica: Replica) -> dict[str, str]:
        """Return the readiness checks of a replica by server; empty if it does not respond."""
        try:
            async with httpx.AsyncClient(timeout=5) as http:
                found: dict[str, str] = (await http.get(f"{replica.url}/readyz")).json()["checks"]
                return found
        except (httpx.HTTPError, ValueError, KeyError):
            return {}


@contextmanager
def limited_disk(folder: Path) -> Iterator[bool]:
    """Mount a small tmpfs at `folder`, so that a fault can fill it; yields False if mounting is not permitted."""
    folder.mkdir(parents=True)
    mount = ["mount", "-t", "tmpfs", "-o", f"size={DISK_SIZE_MB}m,mode=700", "tmpfs", str(folder)]
    mounted = subprocess.run(mount, stderr=subprocess.DEVNULL).returncode == 0
    try:
        yield mounted
    finally:
        if mounted:
            subprocess.run(["umount", "-l", str(folder)])


def through_proxy(url: str, proxy: Proxy) -> str:
    """Return `url` with the port of the proxy."""
    return url.replace(f":{urlsplit(url).port}", f":{proxy.port}")


@asynccontextmanager
async def open_environment(
    folder: Path, *, replicas: int, arguments: tuple[str, ...] = ()
) -> AsyncIterator[Environment]:
    """Start servers, proxies and cluster. `arguments` are passed to every service process."""
    async with AsyncExitStack() as stack:

        async def enter(context: Any) -> Any:
            """Enter and exit a blocking context manager in a thread."""
            value = await asyncio.to_thread(context.__enter__)
            stack.push_async_callback(asyncio.to_thread, context.__exit__, None, None, None)
            return value

        servers: dict[str, Server] = {name: await enter(start(folder / name)) for name, start in SERVERS.items()}
        proxies = {name: await stack.enter_async_context(Proxy(at.port).listening()) for name, at in servers.items()}
        addresses = {f"ANNEAL_{name.upper()}_URL": through_proxy(at.url, proxies[name]) for name, at in servers.items()}
        disk, logs = folder / "home", folder / "logs"
        disk_is_limited = stack.enter_context(limited_disk(disk))
        logs.mkdir()
        (disk / "logs").symlink_to(logs)  # logs must survive a full disk
        (disk / "control.json").write_text('{"pace": 0.1}')
        client: Any = AsyncMongoClient(servers["documents"].url)
        stack.push_async_callback(client.close)
        context = run_cluster(
            disk,
            {**addresses, **SETTINGS},
            replicas=replicas,
            command=lambda service: ("-m", "tests.chaos.service", service, *arguments),
        )
        cluster: Cluster = await enter(context)
        events = await stack.enter_async_context(EventRecorder.listening(servers["bus"].url))
        yield Environment(cluster, servers, proxies, events, client[DATABASE], disk, disk_is_limited)
