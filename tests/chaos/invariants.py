"""After the storm: what was accepted, held against what is there. Every line that it returns is a broken promise."""

import asyncio
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import httpx

from shared.bus.protocol import DeadLetter
from shared.bus.rabbit import RabbitBus
from shared.documents.entities import derived_id
from shared.documents.mongo import connect
from shared.runtime.jobs.streams import Streams
from tests.chaos.clients import FINAL, Ask, Book
from tests.chaos.environment import Place
from tests.support.scripted_trainer import expected_losses

ENDS = {f"training.{state}.v1": state for state in FINAL}
EXPLAINED = ("worker_lost", "killed", "disk_full", "platform_error")
"""Causes of failures that faults bring about, after all tries."""
SETTLE = 150.0
"""Seconds that things may take to settle once nothing fails any more: the longest retry tier is a minute."""


@dataclass
class Findings:
    """What the ledger found."""

    violations: list[str]
    ends: Counter[str]
    causes: Counter[str]
    replayed: list[DeadLetter]
    settled: float


class Ledger:
    """Reads the documents past the proxies and asks the gateway as a client would."""

    def __init__(self, place: Place, book: Book) -> None:
        self._place, self._book, self._database = place, book, place.database
        self._found: list[str] = []
        self._jobs: dict[str, Any] = {}

    async def settle(self) -> tuple[float, list[DeadLetter]]:
        """Wait until nothing is at work and nothing waits to be published; dead letters are replayed, as people do."""
        began, replayed = time.monotonic(), list[DeadLetter]()
        bus = await RabbitBus.connect(self._place.servers["bus"].url)
        try:
            while time.monotonic() - began < SETTLE:
                letters = await bus.dead()
                for letter in letters:
                    await bus.replay(letter.id)
                replayed += letters
                if not letters and not await self._unsettled(bus):
                    break
                await asyncio.sleep(1.0)
        finally:
            await bus.close()
        return time.monotonic() - began, replayed

    async def _unsettled(self, bus: RabbitBus) -> bool:
        return bool(await self._at_work() or await self._pending() or await self._waiting())

    async def _at_work(self) -> int:
        """Work of every room that has not ended."""
        open_states = ["queued", "running", "pausing", "paused", "publishing", "loading"]
        names = (
            "training_jobs",
            "evaluation_evaluations",
            "export_exports",
            "inference_deployments",
            "dataset_versions",
        )
        where = {"state": {"$in": open_states}}
        return sum([await self._database[name].count_documents(where) for name in names])

    async def _pending(self) -> list[str]:
        """Documents with events that were not published."""
        found = []
        for name in await self._database.list_collection_names():
            for document in await self._database[name].find({"pending": {"$gt": 0}}).to_list(None):
                found.append(f"{name}/{document['_id']}")
        return found

    async def _waiting(self) -> int:
        """Deliveries on their way: the gateway's read model lags behind for so long."""
        return len(await self._unlearned())

    async def _unlearned(self) -> list[str]:
        """Jobs that the dashboard shows in another state than they are in."""
        found = []
        for id in self._book.jobs:
            thing = await self._database["gateway_things"].find_one({"_id": derived_id("thing", "job", id)})
            job = await self._database["training_jobs"].find_one({"_id": id})
            if job is None or thing is None or thing["state"] != job["state"]:
                found.append(f"job {id}: the dashboard says {thing and thing['state']}, it is {job and job['state']}")
        return found

    async def check(self) -> Findings:
        """Everything, after things have settled."""
        settled, replayed = await self.settle()
        documents = connect(self._place.servers["documents"].url)
        streams = await Streams.open(documents, "training")
        jobs = await self._database["training_jobs"].find({}).to_list(None)
        self._jobs = {job["_id"]: job for job in jobs}
        try:
            for id, ask in self._book.jobs.items():
                await self._job(id, ask, streams)
        finally:
            await documents.close()
        for name, count in Counter(job["name"] for job in jobs).items():
            self._expect(count == 1, f"{count} jobs for the one request {name!r}")
        await self._datasets()
        for line in await self._pending():
            self._found.append(f"an outbox was not emptied: {line}")
        self._found += await self._unlearned()
        self._found += self._book.surprises
        unexplained = [letter for letter in replayed if not _explained(letter)]
        self._found += [
            f"dead letter: {letter.envelope.type} in {letter.service}: {letter.reason}" for letter in unexplained
        ]
        ends = Counter(job["state"] for id, job in self._jobs.items() if id in self._book.jobs)
        causes = Counter(job["cause"] for job in jobs if job["state"] == "failed")
        return Findings(self._found, ends, causes, replayed, settled)

    def _expect(self, holds: bool, otherwise: str) -> None:
        if not holds:
            self._found.append(otherwise)

    async def _job(self, id: str, ask: Ask, streams: Streams) -> None:
        job = self._jobs.get(id)
        if job is None or job["state"] not in FINAL:
            self._found.append(f"job {id} ({ask.key}) was accepted and is {job and job['state']}")
            return
        said = self._place.events.about(id, *ENDS)
        states = [ENDS[event.type] for event in said]
        self._expect(states == [job["state"]], f"job {id} is {job['state']}, and its events said {states}")
        if job["state"] == "cancelled":
            self._expect("cancel" in ask.wishes, f"job {id} was cancelled, and nobody wished it")
        if job["state"] == "failed":
            self._expect(job["cause"] in EXPLAINED, f"job {id} failed of {job['cause']}: {job['detail']}")
        await self._effects(id, ask, job)
        self._stream(id, ask, job, await streams.read(id, limit=10**9))

    async def _effects(self, id: str, ask: Ask, job: Any) -> None:
        """One model, and each follow-up once."""
        done = job["state"] == "succeeded"
        models = await self._database["training_models"].find({"job_id": id}).to_list(None)
        living = [model for model in models if model.get("deleted_at") is None]
        wanted = 1 if done and not ask.model_deleted else 0
        self._expect(len(living) == wanted, f"job {id} ({job['state']}): {len(living)} models instead of {wanted}")
        model_id = models[0]["_id"] if models else None
        for room, collection, follow_up, field in (
            ("evaluation", "evaluation_evaluations", "evaluate", "scope.model_id"),
            ("export", "export_exports", "export_torch", "target.model_id"),
            ("inference", "inference_deployments", "deploy", "model_id"),
        ):
            found = await self._database[collection].find({field: model_id}).to_list(None) if model_id else []
            wanted = 1 if done and follow_up in ask.after else 0
            self._expect(len(found) == wanted, f"job {id}: {len(found)} × {follow_up} in {room} instead of {wanted}")
            for effect in found:
                self._expect(effect["state"] in (*FINAL, "ready"), f"job {id}: its {follow_up} is {effect['state']}")

    def _stream(self, id: str, ask: Ask, job: Any, records: Sequence[dict[str, Any]]) -> None:
        """Each line once and in order, by the holder of its time; nothing after the end; no step lost or repeated."""
        numbers = [record["seq"] for record in records]
        self._expect(numbers == list(range(1, len(records) + 1)), f"job {id}: its records are numbered {numbers}")
        tokens = [record["token"] for record in records if "token" in record]
        self._expect(tokens == sorted(tokens), f"job {id}: a stale holder wrote into its stream: {tokens}")
        self._expect(max(tokens, default=0) <= job["token"], f"job {id}: its stream knows a later token than the job")
        ended = [i for i, r in enumerate(records) if r["kind"] == "state" and r["state"] in FINAL]
        self._expect(len(ended) <= 1, f"job {id}: its stream ends {len(ended)} times")
        self._expect(not ended or ended[0] == len(records) - 1, f"job {id}: its stream goes on after its end")
        self._steps(id, ask, job["state"] == "succeeded", records)

    def _steps(self, id: str, ask: Ask, whole: bool, records: Sequence[dict[str, Any]]) -> None:
        """The chart: a rewind drops what came after its step, and what is left is what an undisturbed run shows."""
        shown: dict[int, float] = {}
        for record in records:
            if record["kind"] == "rewind":
                shown = {step: loss for step, loss in shown.items() if step <= record["step"]}
            elif record["kind"] == "metric":
                self._expect(record["step"] not in shown, f"job {id}: step {record['step']} shows twice")
                shown[record["step"]] = record["loss"]
        expected = expected_losses(ask.steps, ask.seed) if ask.small else shown
        wanted = expected if whole else {step: expected[step] for step in range(1, len(shown) + 1) if step in expected}
        self._expect(not whole or sorted(shown) == list(range(1, ask.steps + 1)), f"job {id}: steps are missing")
        self._expect(shown == wanted, f"job {id}: its steps are {list(shown)} of {ask.steps}, or their losses differ")

    async def _datasets(self) -> None:
        """Every accepted dataset is there with its rows, every deleted one is gone."""
        headers = {"Authorization": f"Bearer {self._place.town.key}"}
        async with httpx.AsyncClient(base_url=self._place.town.url, headers=headers, timeout=30) as http:
            for id, rows in self._book.datasets.items():
                answer = await http.get(f"/datasets/{id}")
                if id in self._book.deleted:
                    self._expect(answer.status_code == 404, f"dataset {id} was deleted: {answer.status_code}")
                else:
                    there = answer.json().get("rows") if answer.is_success else answer.status_code
                    self._expect(there == rows, f"dataset {id} has {there} of its {rows} rows")


def _explained(letter: DeadLetter) -> bool:
    """Died of a server that was away through all attempts."""
    outages = ("AutoReconnect", "ServerSelectionTimeoutError", "NetworkTimeout", "MaxRetryError", "Unavailable")
    return letter.reason.startswith(outages)
