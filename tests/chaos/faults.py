"""The faults of a chaos test: each is injected, ends, and has recovered when its target works again."""

import asyncio
import os
import random
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deploy.local_cluster import Replica
from deploy.servers import Server
from tests.chaos.clients import Clients
from tests.chaos.environment import Environment

RECOVERY_TIMEOUT_S = 120.0
"""After this time a fault counts as not recovered."""
POLL_INTERVAL_S = 0.25
LEASE_S = 15.0
ACTIVE = ("running", "pausing", "publishing")
WORKERS = ("dataset", "training", "evaluation", "export")
PROGRESS_FIELDS = ("version", "beat", "token")
"""Fields of a job document that change when a worker makes progress."""


class NotPossible(Exception):
    """The fault cannot be injected now: its target is missing or already has a fault."""


@dataclass
class Fault:
    """One fault; times are seconds since the chaos test started."""

    kind: str
    target: str
    started: float
    ended: float | None = None
    recovered: float | None = None
    measured: bool = True

    @property
    def recovery(self) -> float | None:
        """Seconds from the end of the fault until its target worked again."""
        return None if self.recovered is None or self.ended is None else self.recovered - self.ended


class Faults:
    """Injects faults and measures their recovery times."""

    def __init__(self, environment: Environment, clients: Clients, rng: random.Random) -> None:
        self._environment, self._clients, self._rng = environment, clients, rng
        self.injected: list[Fault] = []
        self.errors: list[str] = []

    @asynccontextmanager
    async def _fault(self, kind: str, target: str) -> AsyncIterator[Fault]:
        """Record a fault, and reserve its target until the fault ends."""
        if target in self._environment.busy:
            raise NotPossible(target)
        self._environment.busy.add(target)
        fault = Fault(kind, target, self._environment.elapsed)
        self.injected.append(fault)
        print(f"{fault.started:7.1f}  {kind:<24} {target}", flush=True)
        try:
            yield fault
        finally:
            self._environment.busy.discard(target)
            fault.ended = self._environment.elapsed

    async def _await_recovery(self, fault: Fault, works: Callable[[], Awaitable[bool]]) -> None:
        """Wait until the target works again, and record when."""
        with suppress(TimeoutError):
            async with asyncio.timeout(RECOVERY_TIMEOUT_S):
                while not await works():
                    await asyncio.sleep(POLL_INTERVAL_S)
                fault.recovered = self._environment.elapsed

    # Processes

    def _replica(self, services: tuple[str, ...] = ()) -> Replica:
        names = services or tuple(self._environment.cluster.replicas)
        return self._rng.choice(self._environment.cluster.replicas[self._rng.choice(names)])

    async def kill_service(self) -> None:
        """SIGKILL of a replica; the supervisor restarts it."""
        replica = self._replica()
        assert replica.process is not None
        async with self._fault("SIGKILL of a service", replica.log.stem) as fault:
            held = await self._held_by(replica)
            replica.process.kill()
        await self._await_recovery(fault, lambda: self._worker_works(replica, held))

    async def stop_service(self, seconds: float | None = None, services: tuple[str, ...] = ()) -> None:
        """SIGSTOP and SIGCONT of a replica, shorter or longer than the lease."""
        seconds = seconds or self._rng.uniform(1, 5)
        replica = self._replica(services)
        kind = "SIGSTOP beyond the lease" if seconds > LEASE_S else "SIGSTOP within the lease"
        async with self._fault(kind, replica.log.stem) as fault:
            held = await self._held_by(replica)
            replica.signal(signal.SIGSTOP)
            await asyncio.sleep(seconds)
            replica.signal(signal.SIGCONT)
        await self._await_recovery(fault, lambda: self._worker_works(replica, held))

    async def stop_beyond_lease(self) -> None:
        """Stop a worker until another one takes over its lease, then let it continue."""
        await self.stop_service(self._rng.uniform(LEASE_S + 4, LEASE_S + 9), WORKERS)

    async def kill_engine(self) -> None:
        """SIGKILL of an engine that trains, evaluates, exports or validates."""
        if not (found := running_engines(self._environment.disk)):
            raise NotPossible("no engine runs")
        pid, folder = self._rng.choice(found)
        job = folder.name.rpartition("-t")[0]
        async with self._fault("SIGKILL of an engine", job or folder.name) as fault:
            before = await self._states([job]) if folder.parent.name == "training" else {}
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        await self._await_recovery(fault, lambda: self._progressed(before))

    # Servers

    async def kill_broker(self) -> None:
        """SIGKILL of the RabbitMQ node, and restart."""
        await self._kill_server("bus", self._rng.uniform(0, 4))

    async def kill_documents(self) -> None:
        """SIGKILL of the document server, and restart."""
        await self._kill_server("documents", self._rng.uniform(0, 3))

    async def broker_outage(self, seconds: float = 60.0) -> None:
        """No broker for a minute."""
        await self._kill_server("bus", seconds)

    async def _kill_server(self, name: str, seconds: float) -> None:
        server: Server = self._environment.servers[name]
        kind = f"{name} outage of {seconds:.0f} s" if seconds > LEASE_S else f"SIGKILL of {name}"
        async with self._fault(kind, name) as fault:
            await asyncio.to_thread(server.kill)
            await asyncio.sleep(seconds)
            await asyncio.to_thread(server.start)
        await self._await_recovery(fault, lambda: self._server_works(name, fault))

    async def cut(self) -> None:
        """Close every connection to a server, and refuse new ones for up to four seconds."""
        name = self._server()
        proxy = self._environment.proxies[name]
        async with self._fault("connections cut", name) as fault:
            proxy.refusing = True
            proxy.cut()
            await asyncio.sleep(self._rng.uniform(0, 4))
            proxy.heal()
        await self._await_recovery(fault, lambda: self._server_works(name, fault))

    async def delay(self) -> None:
        """Delay all data to and from a server."""
        name = self._server()
        proxy = self._environment.proxies[name]
        async with self._fault("connections delayed", name) as fault:
            proxy.delay_s = self._rng.uniform(0.02, 0.4)
            await asyncio.sleep(self._rng.uniform(2, 6))
            proxy.heal()
        await self._await_recovery(fault, lambda: self._server_works(name, fault))

    async def half_open(self) -> None:
        """Drop all data without closing connections."""
        name = self._server()
        proxy = self._environment.proxies[name]
        async with self._fault("connections half-open", name) as fault:
            proxy.go_silent()
            await asyncio.sleep(self._rng.uniform(2, 6))
            proxy.heal()
        await self._await_recovery(fault, lambda: self._server_works(name, fault))

    def _server(self) -> str:
        return self._rng.choice(sorted(self._environment.proxies))

    # Deliveries

    async def duplicate(self) -> None:
        """Deliver recent events again, in another order."""
        await self._republish("events duplicated", 0.0)

    async def reorder(self) -> None:
        """Deliver events again, long after the events that followed them."""
        await self._republish("events delivered late", self._rng.uniform(5, 20))

    async def _republish(self, kind: str, delay_s: float) -> None:
        recent = list(self._environment.events.envelopes.values())[-200:]
        if not recent:
            raise NotPossible("no event was published yet")
        chosen = self._rng.sample(recent, min(len(recent), self._rng.randint(3, 20)))
        async with self._fault(kind, f"{len(chosen)} events") as fault:
            fault.measured = False
            await asyncio.sleep(delay_s)
            with suppress(Exception):  # during a broker outage fewer events are republished
                await self._environment.events.republish(chosen)

    # Disk

    async def fill_disk(self) -> None:
        """Fill the disk that contains the scratch folders."""
        if not self._environment.disk_is_limited:
            raise NotPossible("the disk is shared with the host")
        async with self._fault("disk full", "scratch") as fault:
            ballast = self._environment.disk / "ballast"
            await asyncio.to_thread(_fill, ballast)
            await asyncio.sleep(self._rng.uniform(2, 6))
            ballast.unlink()
        await self._await_recovery(fault, lambda: self._client_succeeds(fault, "upload"))

    # Recovery checks

    async def _worker_works(self, replica: Replica, held: dict[str, Any]) -> bool:
        """The process reaches its servers again, and the jobs that it held have made progress."""
        found = await self._environment.readiness(replica)
        return bool(found) and set(found.values()) == {"ok"} and await self._progressed(held)

    async def _server_works(self, name: str, fault: Fault) -> bool:
        """All live replicas reach the server, and it served a client (the bus: delivered an event) since the fault."""
        last_event = self._environment.events.last_received_at - self._environment.started_at
        if name == "bus" and last_event < (fault.ended or 0.0):
            return False
        if name != "bus" and not await self._client_succeeds(fault, "upload", "submit"):
            return False
        live = [r for r in self._environment.replicas if r.log.stem not in self._environment.busy]
        found = await asyncio.gather(*(self._environment.readiness(replica) for replica in live))
        return all(checks.get(name, "ok") == "ok" for checks in found)

    async def _client_succeeds(self, fault: Fault, *operations: str) -> bool:
        ended = fault.ended or 0
        return any(name in operations and started >= ended for name, started in self._clients.completed[-200:])

    async def _held_by(self, replica: Replica) -> dict[str, Any]:
        """Return the active jobs of a replica, with the fields that change as they progress."""
        name = replica.name
        if name != "training" or replica.process is None:
            return {}
        runner = f":{replica.process.pid}"
        try:
            found = (
                await self._environment.database["training_jobs"].find({"state": {"$in": list(ACTIVE)}}).to_list(None)
            )
        except Exception:
            return {}
        return {
            job["_id"]: [job[key] for key in PROGRESS_FIELDS]
            for job in found
            if str(job.get("runner")).endswith(runner)
        }

    async def _states(self, ids: list[str]) -> dict[str, Any]:
        try:
            found = await self._environment.database["training_jobs"].find({"_id": {"$in": ids}}).to_list(None)
        except Exception:
            return {}
        return {job["_id"]: [job[key] for key in PROGRESS_FIELDS] for job in found}

    async def _progressed(self, before: dict[str, Any]) -> bool:
        if not before:
            return True
        now = await self._states(list(before))
        return all(id in now and now[id] != was for id, was in before.items())


def running_engines(disk: Path) -> list[tuple[int, Path]]:
    """Return process id and working directory of every engine below the scratch folders."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            folder = Path(os.readlink(process / "cwd"))
            if folder.is_relative_to(disk) and folder.parent.name in (
                "training",
                "evaluations",
                "exports",
                "validation",
            ):
                found.append((int(process.name), folder))
    return found


def _fill(ballast: Path) -> None:
    with suppress(OSError), ballast.open("wb", buffering=0) as file:
        while True:
            file.write(b"\0" * (1 << 20))


WEIGHTS: dict[Callable[[Faults], Awaitable[None]], int] = {
    Faults.kill_service: 22,
    Faults.kill_engine: 16,
    Faults.stop_service: 10,
    Faults.stop_beyond_lease: 4,
    Faults.kill_broker: 2,
    Faults.kill_documents: 5,
    Faults.cut: 12,
    Faults.delay: 8,
    Faults.half_open: 4,
    Faults.duplicate: 12,
    Faults.reorder: 5,
    Faults.fill_disk: 2,
}
"""Relative frequency of each kind of fault."""


async def inject_faults(faults: Faults, rng: random.Random, seconds: float, environment: Environment) -> None:
    """Inject overlapping faults of all kinds for `seconds`; returns when the last one has ended and recovered."""
    deck = [kind for kind, weight in WEIGHTS.items() for _ in range(weight)]
    active: set[asyncio.Task[None]] = set()
    outage_pending = seconds >= 300

    async def inject(kind: Callable[[Faults], Awaitable[None]]) -> None:
        try:
            await kind(faults)
        except NotPossible:
            return
        except Exception as error:
            faults.errors.append(f"{kind.__name__}: {type(error).__name__}: {error}")

    while environment.elapsed < seconds:
        if outage_pending and environment.elapsed > seconds / 2:
            outage_pending, kind = False, Faults.broker_outage
        else:
            kind = rng.choice(deck)
        task = asyncio.create_task(inject(kind))
        active.add(task)
        task.add_done_callback(active.discard)
        await asyncio.sleep(rng.uniform(0.8, 3.2))
    await asyncio.gather(*active)
