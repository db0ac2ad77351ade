"""What happens to the town: each fault is injected, ends, and is over when what it hit works again."""

import asyncio
import os
import random
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deploy.local_cluster import Room
from deploy.servers import Server
from tests.chaos.clients import Clients
from tests.chaos.environment import Place

RECOVERY_LIMIT = 120.0
"""Seconds after which a recovery counts as never."""
LOOK = 0.25
LEASE = 15.0
HELD = ("running", "pausing", "publishing")
WORKERS = ("dataset", "training", "evaluation", "export")
MOVING = ("version", "beat", "token")


class Occupied(Exception):
    """Another fault is happening to that already."""


@dataclass
class Fault:
    """One fault, in seconds since the storm began."""

    kind: str
    target: str
    began: float
    ended: float | None = None
    recovered: float | None = None
    measured: bool = True

    @property
    def recovery(self) -> float | None:
        """Seconds from its end until what it hit was seen to work."""
        return None if self.recovered is None or self.ended is None else self.recovered - self.ended


class Faults:
    """Injects faults and notes how long it takes until they are over."""

    def __init__(self, place: Place, clients: Clients, rng: random.Random) -> None:
        self._place, self._clients, self._rng = place, clients, rng
        self.happened: list[Fault] = []
        self.errors: list[str] = []

    @asynccontextmanager
    async def _fault(self, kind: str, target: str) -> AsyncIterator[Fault]:
        """Note it, and keep others away from its target until it has ended."""
        if target in self._place.busy:
            raise Occupied(target)
        self._place.busy.add(target)
        fault = Fault(kind, target, self._place.clock)
        self.happened.append(fault)
        print(f"{fault.began:7.1f}  {kind:<24} {target}", flush=True)
        try:
            yield fault
        finally:
            self._place.busy.discard(target)
            fault.ended = self._place.clock

    async def _over(self, fault: Fault, works: Callable[[], Awaitable[bool]]) -> None:
        """Wait until it works again."""
        with suppress(TimeoutError):
            async with asyncio.timeout(RECOVERY_LIMIT):
                while not await works():
                    await asyncio.sleep(LOOK)
                fault.recovered = self._place.clock

    # Processes

    def _replica(self, rooms: tuple[str, ...] = ()) -> Room:
        names = rooms or tuple(self._place.town.rooms)
        return self._rng.choice(self._place.town.rooms[self._rng.choice(names)])

    async def kill_room(self) -> None:
        """kill -9; the supervisor starts it again."""
        replica = self._replica()
        assert replica.process is not None
        async with self._fault("kill -9 of a room", replica.log.stem) as fault:
            held = await self._held_by(replica)
            replica.process.kill()
        await self._over(fault, lambda: self._worker_works(replica, held))

    async def stop_room(self, seconds: float | None = None, rooms: tuple[str, ...] = ()) -> None:
        """SIGSTOP and SIGCONT, for a moment or past the lease."""
        seconds = seconds or self._rng.uniform(1, 5)
        replica = self._replica(rooms)
        kind = "SIGSTOP past the lease" if seconds > LEASE else "SIGSTOP for a moment"
        async with self._fault(kind, replica.log.stem) as fault:
            held = await self._held_by(replica)
            replica.signal(signal.SIGSTOP)
            await asyncio.sleep(seconds)
            replica.signal(signal.SIGCONT)
        await self._over(fault, lambda: self._worker_works(replica, held))

    async def stop_past_lease(self) -> None:
        """A worker that stands still so long that its lease is taken, and then goes on."""
        await self.stop_room(self._rng.uniform(LEASE + 4, LEASE + 9), WORKERS)

    async def kill_engine(self) -> None:
        """kill -9 of a child that trains, evaluates or validates."""
        if not (found := engines(self._place.disk)):
            raise Occupied("no engine runs")
        pid, folder = self._rng.choice(found)
        job = folder.name.rpartition("-t")[0]
        async with self._fault("kill -9 of an engine", job or folder.name) as fault:
            before = await self._states([job]) if folder.parent.name == "training" else {}
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        await self._over(fault, lambda: self._moved(before))

    # Servers

    async def kill_broker(self) -> None:
        """kill -9 of the RabbitMQ node, which is started again."""
        await self._kill_server("bus", self._rng.uniform(0, 4))

    async def kill_documents(self) -> None:
        """kill -9 of the document server, which is started again."""
        await self._kill_server("documents", self._rng.uniform(0, 3))

    async def broker_away(self, seconds: float = 60.0) -> None:
        """No broker for a minute."""
        await self._kill_server("bus", seconds)

    async def _kill_server(self, name: str, seconds: float) -> None:
        server: Server = self._place.servers[name]
        kind = f"{name} away for {seconds:.0f} s" if seconds > LEASE else f"kill -9 of {name}"
        async with self._fault(kind, name) as fault:
            await asyncio.to_thread(server.kill)
            await asyncio.sleep(seconds)
            await asyncio.to_thread(server.start)
        await self._over(fault, lambda: self._server_works(name, fault))

    async def cut(self) -> None:
        """Every connection to a server breaks, and new ones are refused for a moment."""
        name = self._server()
        proxy = self._place.proxies[name]
        async with self._fault("connections cut", name) as fault:
            proxy.refusing = True
            proxy.cut()
            await asyncio.sleep(self._rng.uniform(0, 4))
            proxy.heal()
        await self._over(fault, lambda: self._server_works(name, fault))

    async def delay(self) -> None:
        """Everything to and from a server takes longer."""
        name = self._server()
        proxy = self._place.proxies[name]
        async with self._fault("connections delayed", name) as fault:
            proxy.delay = self._rng.uniform(0.02, 0.4)
            await asyncio.sleep(self._rng.uniform(2, 6))
            proxy.heal()
        await self._over(fault, lambda: self._server_works(name, fault))

    async def half_open(self) -> None:
        """The network swallows everything, and nobody is told."""
        name = self._server()
        proxy = self._place.proxies[name]
        async with self._fault("connections half-open", name) as fault:
            proxy.go_silent()
            await asyncio.sleep(self._rng.uniform(2, 6))
            proxy.heal()
        await self._over(fault, lambda: self._server_works(name, fault))

    def _server(self) -> str:
        return self._rng.choice(sorted(self._place.proxies))

    # Deliveries

    async def duplicate(self) -> None:
        """Events of the last minutes are delivered again, in another order."""
        await self._repeat("deliveries duplicated", 0.0)

    async def reorder(self) -> None:
        """Events come again long after others that followed them."""
        await self._repeat("deliveries held back", self._rng.uniform(5, 20))

    async def _repeat(self, kind: str, hold: float) -> None:
        heard = list(self._place.events.envelopes.values())[-200:]
        if not heard:
            raise Occupied("nothing was stated yet")
        chosen = self._rng.sample(heard, min(len(heard), self._rng.randint(3, 20)))
        async with self._fault(kind, f"{len(chosen)} events") as fault:
            fault.measured = False
            await asyncio.sleep(hold)
            with suppress(Exception):  # the broker may be away just now: then fewer come again
                await self._place.events.repeat(chosen)

    # The disk

    async def fill_disk(self) -> None:
        """No space left where the rooms work."""
        if not self._place.fillable:
            raise Occupied("the disk is everybody's")
        async with self._fault("disk full", "scratch") as fault:
            ballast = self._place.disk / "ballast"
            await asyncio.to_thread(_fill, ballast)
            await asyncio.sleep(self._rng.uniform(2, 6))
            ballast.unlink()
        await self._over(fault, lambda: self._client_succeeds(fault, "upload"))

    # What working means

    async def _worker_works(self, replica: Room, held: dict[str, Any]) -> bool:
        """The process reaches its servers again, and what it held at work has moved on."""
        found = await self._place.readiness(replica)
        return bool(found) and set(found.values()) == {"ok"} and await self._moved(held)

    async def _server_works(self, name: str, fault: Fault) -> bool:
        """All that live reach the server; since its return a client was served, or by the bus an event delivered."""
        if name == "bus" and self._place.events.heard_at - self._place.began < (fault.ended or 0.0):
            return False
        if name != "bus" and not await self._client_succeeds(fault, "upload", "submit"):
            return False
        living = [r for r in self._place.replicas if r.log.stem not in self._place.busy]
        found = await asyncio.gather(*(self._place.readiness(replica) for replica in living))
        return all(checks.get(name, "ok") == "ok" for checks in found)

    async def _client_succeeds(self, fault: Fault, *doing: str) -> bool:
        return any(what in doing and began >= (fault.ended or 0) for what, began in self._clients.done[-200:])

    async def _held_by(self, replica: Room) -> dict[str, Any]:
        """The jobs at work in a process, with what moves when they do."""
        name = replica.name
        if name != "training" or replica.process is None:
            return {}
        runner = f":{replica.process.pid}"
        try:
            found = await self._place.database["training_jobs"].find({"state": {"$in": list(HELD)}}).to_list(None)
        except Exception:
            return {}
        return {job["_id"]: [job[key] for key in MOVING] for job in found if str(job.get("runner")).endswith(runner)}

    async def _states(self, ids: list[str]) -> dict[str, Any]:
        try:
            found = await self._place.database["training_jobs"].find({"_id": {"$in": ids}}).to_list(None)
        except Exception:
            return {}
        return {job["_id"]: [job[key] for key in MOVING] for job in found}

    async def _moved(self, before: dict[str, Any]) -> bool:
        if not before:
            return True
        now = await self._states(list(before))
        return all(id in now and now[id] != was for id, was in before.items())


def engines(disk: Path) -> list[tuple[int, Path]]:
    """Process id and folder of the engines that work below the scratch folders."""
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


KINDS: dict[Callable[[Faults], Awaitable[None]], int] = {
    Faults.kill_room: 22,
    Faults.kill_engine: 16,
    Faults.stop_room: 10,
    Faults.stop_past_lease: 4,
    Faults.kill_broker: 2,
    Faults.kill_documents: 5,
    Faults.cut: 12,
    Faults.delay: 8,
    Faults.half_open: 4,
    Faults.duplicate: 12,
    Faults.reorder: 5,
    Faults.fill_disk: 2,
}
"""How often each kind happens, relatively."""


async def rage(faults: Faults, rng: random.Random, seconds: float, place: Place) -> None:
    """Faults of all kinds, overlapping, for so long; returns when the last has ended and its recovery was seen."""
    deck = [kind for kind, weight in KINDS.items() for _ in range(weight)]
    at_work: set[asyncio.Task[None]] = set()
    minute_away = seconds >= 300

    async def happen(kind: Callable[[Faults], Awaitable[None]]) -> None:
        try:
            await kind(faults)
        except Occupied:
            return
        except Exception as error:
            faults.errors.append(f"{kind.__name__}: {type(error).__name__}: {error}")

    while place.clock < seconds:
        if minute_away and place.clock > seconds / 2:
            minute_away, kind = False, Faults.broker_away
        else:
            kind = rng.choice(deck)
        task = asyncio.create_task(happen(kind))
        at_work.add(task)
        task.add_done_callback(at_work.discard)
        await asyncio.sleep(rng.uniform(0.8, 3.2))
    await asyncio.gather(*at_work)
