"""Simulated users during a chaos test: HTTP only, with Idempotency-Keys, retrying failed requests."""

import asyncio
import json
import random
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import httpx

from tests.chaos.environment import Environment

FINAL = ("succeeded", "failed", "cancelled")
FOLLOW_UPS = ["evaluate", "export_torch", "deploy"]
RETRY_TIMEOUT_S = 240.0
"""How long a client retries one request."""


@dataclass
class Submitted:
    """An accepted job: its request, and the commands sent since."""

    key: str
    steps: int
    seed: int
    after: list[str]
    fake_engine: bool = True
    """Trained by the scripted engine, whose losses are known in advance."""
    commands: set[str] = field(default_factory=set)
    model_deleted: bool = False


@dataclass
class Accepted:
    """Every write that the platform acknowledged, and the responses that clients saw."""

    jobs: dict[str, Submitted] = field(default_factory=dict)
    datasets: dict[str, int] = field(default_factory=dict)
    """Number of rows by dataset id."""
    deleted: set[str] = field(default_factory=set)
    unexpected: list[str] = field(default_factory=list)
    """Responses that no fault explains."""
    responses: Counter[str] = field(default_factory=Counter)


class Clients:
    """Submit work until `stopping` is set, then wait for the jobs in progress."""

    def __init__(self, environment: Environment, rng: random.Random) -> None:
        self._environment, self._rng = environment, rng
        headers = {"Authorization": f"Bearer {environment.cluster.key}"}
        self._http = httpx.AsyncClient(headers=headers, timeout=20)
        self._gateways = [gateway.url for gateway in environment.cluster.replicas["gateway"]]
        self.accepted = Accepted()
        self.completed: list[tuple[str, float]] = []
        """Operations that succeeded, with the time at which the request started."""
        self.stopping = False

    async def run(self, users: int) -> None:
        """Run `users` users who train, and one who uploads and deletes datasets."""
        dataset = await self.upload("base")
        await asyncio.gather(self._manage_datasets(), *(self._train(number, dataset) for number in range(users)))

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def request(self, operation: str, method: str, path: str, *, accept: tuple[int, ...], **options: Any) -> Any:
        """Retry a request until its status is below 500; a status that is not in `accept` is recorded as unexpected."""
        deadline = time.monotonic() + RETRY_TIMEOUT_S
        while time.monotonic() < deadline:
            started_at = self._environment.elapsed
            try:
                answer = await self._http.request(method, self._rng.choice(self._gateways) + path, **options)
            except httpx.HTTPError as error:
                self.accepted.responses[type(error).__name__] += 1
            else:
                self.accepted.responses[str(answer.status_code)] += 1
                if answer.status_code < 500:
                    if answer.status_code not in accept:
                        self.accepted.unexpected.append(f"{method} {path}: {answer.status_code} {answer.text[:300]}")
                    self.completed.append((operation, started_at))
                    return answer
            await asyncio.sleep(self._rng.uniform(0.2, 1.0))
        self.accepted.unexpected.append(f"{method} {path}: no response within {RETRY_TIMEOUT_S:g} s")
        raise TimeoutError(path)

    async def upload(self, name: str) -> str:
        """Upload a dataset, wait until it is ready, and return its id."""
        rows = self._rng.randint(20, 60)
        lines = [json.dumps({"prompt": f"{name} {row}?", "completion": f"answer {row}"}) for row in range(rows)]
        files = {"file": (f"{name}.jsonl", "\n".join(lines).encode())}
        answer = await self.request(
            "upload", "POST", "/datasets/upload", accept=(200, 201, 202), files=files, data={"name": name}
        )
        assert answer.is_success, f"{answer.status_code} {answer.text}"
        id = str(answer.json()["id"])
        while answer.json()["state"] != "ready":
            await asyncio.sleep(0.5)
            answer = await self.request("read", "GET", f"/datasets/{id}", accept=(200,))
        self.accepted.datasets[id] = rows
        return id

    async def _manage_datasets(self) -> None:
        number = 0
        while not self.stopping:
            id = await self.upload(f"set-{number}")
            number += 1
            if number % 3 == 0:
                await self.request("delete", "DELETE", f"/datasets/{id}", accept=(204, 404))
                self.accepted.deleted.add(id)
            await asyncio.sleep(self._rng.uniform(0.5, 2.5))

    async def _train(self, user: int, dataset: str) -> None:
        number = 0
        while not self.stopping:
            after = FOLLOW_UPS if self._rng.random() < 0.4 else []
            id = await self.submit(f"job-{user}-{number}", dataset, steps=self._rng.randint(12, 40), after=after)
            number += 1
            await self._follow(id, self.accepted.jobs[id])
            await asyncio.sleep(self._rng.uniform(0.0, 0.5))

    async def submit(self, key: str, dataset: str, *, steps: int, after: list[str], **engine_settings: Any) -> str:
        """Submit a job and return its id. `key` is its name and Idempotency-Key; `engine_settings` extend the body."""
        seed = len(key) + steps
        settings = {"max_steps": steps, "seed": seed, "checkpoint_every": 5, **engine_settings}
        body = {"dataset": dataset, "name": key, "after": after, **settings}
        headers = {"Idempotency-Key": key}
        answer = await self.request("submit", "POST", "/training/jobs", accept=(201,), json=body, headers=headers)
        id = str(answer.json()["id"])
        self.accepted.jobs[id] = Submitted(key, steps, seed, after, fake_engine=not engine_settings)
        return id

    async def _follow(self, id: str, job: Submitted) -> None:
        """Follow a job until it ends; sometimes cancel it, pause it, or delete its model."""
        choice, delay = self._rng.random(), self._rng.uniform(0.5, 4.0)
        if choice < 0.12:
            await asyncio.sleep(delay)
            job.commands.add("cancel")
            await self.request("command", "POST", f"/training/jobs/{id}/cancel", accept=(202, 409))
        elif choice < 0.3:
            await asyncio.sleep(delay)
            job.commands.add("pause")
            await self.request("command", "POST", f"/training/jobs/{id}/pause", accept=(202, 409))
        final = await self._wait_until_final(id)
        if final["state"] == "succeeded" and not job.after and self._rng.random() < 0.2:
            await self.request("delete", "DELETE", f"/models/custom/{final['model_id']}", accept=(204, 404))
            job.model_deleted = True

    async def _wait_until_final(self, id: str) -> dict[str, Any]:
        """Poll a job until it is in a final state; resume it if it is paused."""
        while True:
            job: dict[str, Any] = (await self.request("read", "GET", f"/training/jobs/{id}", accept=(200,))).json()
            if job["state"] in FINAL:
                return job
            if job["state"] == "paused":
                await self.request("command", "POST", f"/training/jobs/{id}/resume", accept=(202, 409))
            await asyncio.sleep(1.0)
