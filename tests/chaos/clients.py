"""People who use the platform while it storms: over HTTP only, with Idempotency-Keys, and again when it fails."""

import asyncio
import json
import random
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import httpx

from tests.chaos.environment import Place

FINAL = ("succeeded", "failed", "cancelled")
FOLLOW_UPS = ["evaluate", "export_torch", "deploy"]
PATIENCE = 240.0
"""Seconds that a client tries one request again and again."""


@dataclass
class Ask:
    """An accepted job: what was asked, and what its owner wished since."""

    key: str
    steps: int
    seed: int
    after: list[str]
    small: bool = True
    """The small engine trains it, whose losses are known beforehand."""
    wishes: set[str] = field(default_factory=set)
    model_deleted: bool = False


@dataclass
class Book:
    """What was accepted: the platform answered for it."""

    jobs: dict[str, Ask] = field(default_factory=dict)
    datasets: dict[str, int] = field(default_factory=dict)
    """Rows by id."""
    deleted: set[str] = field(default_factory=set)
    surprises: list[str] = field(default_factory=list)
    """Answers that no fault explains."""
    answers: Counter[str] = field(default_factory=Counter)


class Clients:
    """Keep submitting until told to stop, then see what they began through to its end."""

    def __init__(self, place: Place, rng: random.Random) -> None:
        self._place, self._rng = place, rng
        headers = {"Authorization": f"Bearer {place.town.key}"}
        self._http = httpx.AsyncClient(headers=headers, timeout=20)
        self._gateways = [gateway.url for gateway in place.town.rooms["gateway"]]
        self.book = Book()
        self.done: list[tuple[str, float]] = []
        """What succeeded, with the moment at which it was begun."""
        self.stopping = False

    async def run(self, users: int) -> None:
        """So many users at once, and one who uploads and deletes datasets."""
        first = await self.upload("ground")
        await asyncio.gather(self._curate(), *(self._train(number, first) for number in range(users)))

    async def close(self) -> None:
        """Let the connections go."""
        await self._http.aclose()

    async def insist(self, doing: str, method: str, path: str, *, accept: tuple[int, ...], **more: Any) -> Any:
        """The answer, after as many tries as it takes; one that is not in `accept` is a surprise."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            began = self._place.clock
            try:
                answer = await self._http.request(method, self._rng.choice(self._gateways) + path, **more)
            except httpx.HTTPError as error:
                self.book.answers[type(error).__name__] += 1
            else:
                self.book.answers[str(answer.status_code)] += 1
                if answer.status_code < 500:
                    if answer.status_code not in accept:
                        self.book.surprises.append(f"{method} {path}: {answer.status_code} {answer.text[:300]}")
                    self.done.append((doing, began))
                    return answer
            await asyncio.sleep(self._rng.uniform(0.2, 1.0))
        self.book.surprises.append(f"{method} {path}: no answer within {PATIENCE:g} s")
        raise TimeoutError(path)

    async def upload(self, name: str) -> str:
        """A dataset of this name, accepted and ready; its id."""
        rows = self._rng.randint(20, 60)
        lines = [json.dumps({"prompt": f"{name} {row}?", "completion": f"answer {row}"}) for row in range(rows)]
        files = {"file": (f"{name}.jsonl", "\n".join(lines).encode())}
        answer = await self.insist(
            "upload", "POST", "/datasets/upload", accept=(200, 201, 202), files=files, data={"name": name}
        )
        id = str(answer.json()["id"])
        while answer.json()["state"] != "ready":
            await asyncio.sleep(0.5)
            answer = await self.insist("read", "GET", f"/datasets/{id}", accept=(200,))
        self.book.datasets[id] = rows
        return id

    async def _curate(self) -> None:
        number = 0
        while not self.stopping:
            id = await self.upload(f"set-{number}")
            number += 1
            if number % 3 == 0:
                await self.insist("delete", "DELETE", f"/datasets/{id}", accept=(204, 404))
                self.book.deleted.add(id)
            await asyncio.sleep(self._rng.uniform(0.5, 2.5))

    async def _train(self, user: int, dataset: str) -> None:
        number = 0
        while not self.stopping:
            after = FOLLOW_UPS if self._rng.random() < 0.4 else []
            id = await self.submit(f"job-{user}-{number}", dataset, steps=self._rng.randint(12, 40), after=after)
            number += 1
            await self._see_through(id, self.book.jobs[id])
            await asyncio.sleep(self._rng.uniform(0.0, 0.5))

    async def submit(self, key: str, dataset: str, *, steps: int, after: list[str], **engine: Any) -> str:
        """An accepted job; its id. The key names it too. `engine`: settings for the real one."""
        seed = len(key) + steps
        settings = {"max_steps": steps, "seed": seed, "checkpoint_every": 5, **engine}
        body = {"dataset": dataset, "name": key, "after": after, **settings}
        headers = {"Idempotency-Key": key}
        answer = await self.insist("submit", "POST", "/training/jobs", accept=(201,), json=body, headers=headers)
        id = str(answer.json()["id"])
        self.book.jobs[id] = Ask(key, steps, seed, after, small=not engine)
        return id

    async def _see_through(self, id: str, ask: Ask) -> None:
        """Follow a job to its end, changing one's mind now and then."""
        mood, patience = self._rng.random(), self._rng.uniform(0.5, 4.0)
        if mood < 0.12:
            await asyncio.sleep(patience)
            ask.wishes.add("cancel")
            await self.insist("steer", "POST", f"/training/jobs/{id}/cancel", accept=(202, 409))
        elif mood < 0.3:
            await asyncio.sleep(patience)
            ask.wishes.add("pause")
            await self.insist("steer", "POST", f"/training/jobs/{id}/pause", accept=(202, 409))
        job = await self._until(id, lambda job: job["state"] in FINAL)
        if job["state"] == "succeeded" and not ask.after and self._rng.random() < 0.2:
            await self.insist("delete", "DELETE", f"/models/custom/{job['model_id']}", accept=(204, 404))
            ask.model_deleted = True

    async def _until(self, id: str, found: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """Poll; what is paused is told to go on."""
        while True:
            job: dict[str, Any] = (await self.insist("read", "GET", f"/training/jobs/{id}", accept=(200,))).json()
            if found(job):
                return job
            if job["state"] == "paused":
                await self.insist("steer", "POST", f"/training/jobs/{id}/resume", accept=(202, 409))
            await asyncio.sleep(1.0)
